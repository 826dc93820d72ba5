"""What a keeper does with what it has claimed. Whatever goes wrong is written down, and never stops the rest."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic
from traceback import extract_tb

from core import clock
from core.application import Application
from core.errors import ClickkerError, NotFound
from core.exact.errors import ExactError
from core.registrations.checks import check, record_own_failure, rest
from core.registrations.rounds import Hurry
from core.registrations.settle import settle_grant
from core.registrations.timeline import CLICKKER
from core.settings import Settings
from core.storage.models import Grant
from core.tokens.rotation import keep_alive

log = logging.getLogger("clickker.keeper")
AGAIN = timedelta(hours=4)
"""A consent that we could not even try to keep alive."""


def check_registration(app: Application, registration_id: int, hurry: Hurry) -> None:
    """Check one claimed registration and let go of it."""
    until = monotonic() + 60 * app.settings.check_minutes
    try:
        check(app, registration_id, CLICKKER, lambda: hurry() or monotonic() > until)
    except NotFound:
        rest(app, registration_id)
    except Exception as error:
        log.error("Checking registration %s failed: %s", registration_id, told(error))  # noqa: TRY400
        record_own_failure(app, registration_id)


def keep_grant_alive(app: Application, grant_id: str) -> None:
    """Spend the refresh token of one claimed grant, so that the consent lives on."""
    try:
        keep_alive(app, grant_id)
    except NotFound:
        return
    except ExactError as error:
        _put_off(app, grant_id, error.retry_at)
        _warn(app, grant_id, error.kind.value)
    except Exception as error:
        _put_off(app, grant_id, clock.now() + AGAIN)
        _warn(app, grant_id, told(error))
    with app.database.transaction() as session:
        settle_grant(session, app.settings, grant_id, clock.now())


def told(error: BaseException) -> str:
    """What went wrong and where, without the words of an exception that may quote what it was given."""
    frames = extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    words = f": {error.message}" if isinstance(error, ClickkerError) else ""
    return f"{type(error).__name__}{words}{place}"


def loudness(settings: Settings, rotated_at: datetime | None, now: datetime) -> int:
    """How urgently the log tells that a consent could not be kept alive, by the age of its token."""
    age = timedelta(0) if rotated_at is None else now - rotated_at
    if age >= timedelta(days=settings.keep_alive_critical_days):
        return logging.CRITICAL
    if age >= timedelta(days=settings.keep_alive_alarm_days):
        return logging.ERROR
    return logging.WARNING if age >= timedelta(days=settings.keep_alive_warn_days) else logging.INFO


def _put_off(app: Application, grant_id: str, until: datetime | None) -> None:
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is not None and grant.keep_alive_at is not None and until is not None:
            grant.keep_alive_at = max(grant.keep_alive_at, until)


def _warn(app: Application, grant_id: str, why: str) -> None:
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
    if grant is None:
        return
    level = loudness(app.settings, grant.rotated_at, clock.now())
    log.log(level, "Grant %s could not be kept alive, last refreshed %s: %s", grant_id, grant.rotated_at, why)
