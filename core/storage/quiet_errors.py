"""What PostgreSQL says of an error goes to the log, so the values that it quotes are taken out."""

from __future__ import annotations

import re

from sqlalchemy import Engine, ExceptionContext, event

_DATA_EXCEPTION = "22"
"""The class of errors about a value itself: https://www.postgresql.org/docs/current/errcodes-appendix.html."""
_QUOTED = re.compile(r'"[^"]*("|$)')


def quieten(engine: Engine) -> None:
    """Keep the first line of the server's message: its DETAIL repeats whole rows, its LINE the statement."""
    event.listen(engine, "handle_error", _quieten)


def _quieten(context: ExceptionContext) -> None:
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    before = str(original)
    said = before.splitlines()[0] if before else ""
    if str(getattr(original, "sqlstate", None) or "").startswith(_DATA_EXCEPTION):
        said = _QUOTED.sub('"…"', said)
    if said == before:
        return
    original.args = (said,)
    if wrapped is not None:
        wrapped.args = (str(wrapped.args[0]).replace(before, said), *wrapped.args[1:])
