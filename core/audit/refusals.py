"""What somebody was refused, written down where a use case ends: on a page, in a window, at one of our addresses.

A use case refuses in the middle of its transaction, which is rolled back, and on SQLite nobody else may write
meanwhile: so it is the shell that hands its errors over.
"""

from __future__ import annotations

from core.accounts.knocks import allow
from core.application import Application
from core.audit.events import Event
from core.audit.record import record_alone
from core.errors import ConfirmationNeeded, NotAllowed

PER_MINUTE = 60
"""Of one operator and one action; a page asks more than once for what it draws. More says nothing new, and would stay
for ever."""


def record_refusal(app: Application, error: Exception) -> None:
    """Write down who was refused what, and from where; nothing for other errors."""
    if not isinstance(error, NotAllowed) or error.by is None:
        return
    if not allow(app, f"refused:{error.by.id}:{error.action}", PER_MINUTE):
        return
    detail = "confirmation needed" if isinstance(error, ConfirmationNeeded) else f"role {error.by.role}"
    record_alone(app, Event.ACTION_REFUSED, error.by, on=error.action, outcome="refused", detail=detail)
