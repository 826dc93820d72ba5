"""What the product writes down about itself: one handler, and a formatter through which everything goes.

JSON, a line each, where a machine reads it (``clickker serve``); plain lines where a person does. A library for it
would bring the JSON alone, which is one call; redaction and the neutralising of what others wrote are ours either way.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, TextIO

from core.redaction import Redaction, visible

Format = Literal["json", "text"]
_log = logging.getLogger("clickker")


HEARD_BY_STRANGERS = ("clickker.dashboard", "uvicorn", "streamlit", "websockets", "starlette", "asyncio")
"""Loggers whose lines anybody can cause who reaches the server, as often as he likes."""
MINUTE = 60.0
STORIES_A_MINUTE = 30
"""Failures with a reference: somebody may ask for each."""


class OnceAMinute(logging.Filter):
    """Lets what anybody can cause through once a minute, and then says how often it came in between."""

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._since: dict[tuple[str, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if not record.name.startswith(HEARD_BY_STRANGERS):
            return True
        story, kind = bool(getattr(record, "reference", "")), record.exc_info and record.exc_info[0]
        key = (record.name, record.levelname, str(record.msg), str(kind or ""))
        with self._guard:
            began, count = self._since.get(key, (record.created - MINUTE, 0))
            if record.created - began < MINUTE:
                self._since[key] = (began, count + 1)
                return story and count < STORIES_A_MINUTE
            if len(self._since) > _MOST_KEYS:
                self._since.clear()
            self._since[key] = (record.created, 0)
        record.more = count
        return True


_MOST_KEYS = 1_000


class RedactingFormatter(logging.Formatter):
    """The message, its exception and its stack, without secrets and without characters that mislead."""

    def __init__(self, format: Format, redact: Redaction) -> None:
        super().__init__()
        self.redact = redact
        self.as_json = format == "json"

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON, or one line of text with what belongs to it indented below."""
        parts = {
            "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean(_message(record)) + _repeated(record),
            "reference": str(getattr(record, "reference", "")),
            "exception": self._clean(self._exception(record), keep="\n"),
        }
        if self.as_json:
            return json.dumps({name: value for name, value in parts.items() if value})
        head = f"{parts['at']} {parts['level'].upper()} {parts['logger']}: {parts['message']}"
        return "\n    ".join([head, *parts["exception"].splitlines()])

    def _clean(self, text: str, keep: str = "") -> str:
        return visible(self.redact(text), keep)

    def _exception(self, record: logging.LogRecord) -> str:
        told = self.formatException(record.exc_info) if record.exc_info else ""
        return "\n".join(part for part in (told, record.stack_info) if part)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever is standard error at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def set_up(format: Format, secrets: Iterable[str] = ()) -> logging.Handler:
    """Send everything that any library writes down through one handler of the root; again for another format."""
    handler = _Stderr()
    handler.setFormatter(RedactingFormatter(format, Redaction(secrets)))
    handler.addFilter(OnceAMinute())
    root = logging.getLogger()
    for before in [held for held in root.handlers if type(held) in {_Stderr, logging.StreamHandler}]:
        root.removeHandler(before)
    root.addHandler(handler)
    for name in list(root.manager.loggerDict):
        hand_over(logging.getLogger(name))
    return handler


def hand_over(logger: logging.Logger) -> None:
    """Take the handlers that write to a console by themselves from ``logger``: the root's does."""
    for handler in list(logger.handlers):
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            logger.removeHandler(handler)
            logger.propagate = True


def begin_service(*, quiet: bool = False) -> None:
    """In a process that goes on by itself: what we tell counts, and what nobody caught goes the same way.

    ``quiet`` where somebody looks on who wants to hear of trouble alone.
    """
    # The head of the audit log above all; a library speaks from WARNING on.
    _log.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda said: _uncaught(
        said.exc_type, said.exc_value or said.exc_type(), said.exc_traceback
    )
    sys.unraisablehook = lambda said: _uncaught(
        said.exc_type, said.exc_value or said.exc_type(), said.exc_traceback
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    _log.critical("Nobody caught this", exc_info=(kind, error, trace))


def _repeated(record: logging.LogRecord) -> str:
    more = getattr(record, "more", 0)
    return f" (and {more} more like it since the last such line)" if more else ""


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit: the line is worth more than they are
        return str(record.msg)
