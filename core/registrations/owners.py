"""Asking Exact whose the tokens of a consent are: by the budget of that login, and later each time it does not say.

Exact blocks an app after ten errors within an hour at one address (exact-online.md, section 6), and nobody knows yet in
which administration these would be counted: so they are counted for the registration that waits, else for the grant.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core import clock
from core.application import Application
from core.exact.errors import ExactError
from core.exact.rows import Me
from core.registrations.budget import Budget, exhausted, only_waits
from core.registrations.overruling import COUNTED_ERRORS, HOUR
from core.storage.models import Grant
from core.tokens.rotation import access_token

PATIENT_AFTER = 2
"""So many failures in a row, and an operator has to wait as the keeper does."""
_MINUTE = timedelta(minutes=1)
_WAITS = (2 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, HOUR, 4 * HOUR)
"""After an outage, which Exact does not count as an error of ours; first while the consent's access token lives."""


def ask_whose(app: Application, grant: Grant, *, registration_id: int = 0, token: str = "") -> Me:
    """Who consented. ``registration_id`` is the registration that waits for it; ``token`` one that lives, if known.

    Whatever it raises, it is not asked again before ``Grant.identify_at``. Raises ``ExactError``, ``NotFound``.
    """
    login = f"registration {registration_id}" if registration_id else grant.id
    budget = Budget(app, grant.environment, grant.current_division, login)
    try:
        return app.exact.me(grant.environment, token or access_token(app, grant.id), budget)
    except Exception as error:
        _put_off(app, grant.id, error)
        raise
    finally:
        budget.keep()


def hold_back(grant: Grant) -> None:
    """Raise ``ExactError`` (RATE_LIMITED, without a status) with the moment, when Exact did not say more than once."""
    if grant.identify_at is None or grant.identify_failures < PATIENT_AFTER:
        return
    if clock.now() < grant.identify_at:
        raise exhausted(grant.identify_at)


def _put_off(app: Application, grant_id: str, error: Exception) -> None:
    now = clock.now()
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is None:
            return
        if not _only_waits(error):
            grant.identify_failures += 1
        grant.identify_at = _again_at(error, grant.identify_failures, now)


def _only_waits(error: Exception) -> bool:
    return isinstance(error, ExactError) and only_waits(error)


def _again_at(error: Exception, failures: int, now: datetime) -> datetime:
    told = error.retry_at if isinstance(error, ExactError) and error.retry_at is not None else now
    if _only_waits(error):
        return told
    counted = isinstance(error, ExactError) and error.status in COUNTED_ERRORS
    return max(told, now + (HOUR if counted else _WAITS[min(failures, len(_WAITS)) - 1]))
