"""How many files and connections this process may have open at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from core.findings import Finding, Verdict
from core.i18n import _

try:
    import resource
except ImportError:  # another system than Unix: it has no such limit
    resource = None  # type: ignore[assignment]

ENOUGH = 4_096
"""A page takes four: its socket, and three for the run of its script. Strangers may hold some 2,500 in all."""


def raise_limit() -> int | None:
    """Raise the limit of this process as far as it may; what it is then. None where there is none."""
    if resource is None:
        return None
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a system may refuse what it has told
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _told(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def reachable_limit() -> int | None:
    """What ``raise_limit`` can come to for a process that is started like this one."""
    return None if resource is None else _told(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def told() -> Iterator[Finding]:
    """What the doctor says of it; nothing where there is no limit."""
    limit = reachable_limit()
    if limit is None:
        return
    if limit >= ENOUGH:
        sentence = _("The dashboard may have {limit} files and connections open at once.")
        yield Finding(Verdict.GOOD, _("Open files"), sentence.format(limit=limit))
        return
    sentence = _(
        "The dashboard may have only {limit} files and connections open at once: raise the limit to {enough} "
        "(ulimit -Hn, or LimitNOFILE in systemd)."
    )
    yield Finding(Verdict.NOTE, _("Open files"), sentence.format(limit=limit, enough=ENOUGH))


def _told(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
