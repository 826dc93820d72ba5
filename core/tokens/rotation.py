"""Handing out a live access token, and spending the refresh token for the next one when it must.

A refresh token is single-use: once Exact has answered, the only live one is in that answer. So one flight spends it,
after writing that it will, and writes the successor before it does anything else (reliability.md, section 1).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep

from sqlalchemy import update

from core import clock
from core.application import Application
from core.errors import NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.kinds import Family
from core.i18n import _
from core.settings import Settings
from core.storage.incidents import open_incident
from core.storage.models import Grant
from core.storage.moments import database_now
from core.tokens.chains import take_aside
from core.tokens.facts import (
    SPARE,
    errors_within_the_hour,
    in_quiet_hour,
    next_keep_alive,
    next_try,
    refusals_after,
    refusals_in_a_row,
    within_budget,
)
from core.tokens.flights import NO_LEASE, alone, changed
from core.tokens.grants import read_access_token
from core.tokens.replaying import recover, replay
from core.tokens.spending import Failed, spend_refresh_token

_POLL_SECONDS = 0.2
"""How often to look whether another process has finished."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to do about a grant now: hand out what it has, spend, wait for another's flight, or give up."""

    hand_out: bool = False
    spend: bool = False
    error: ExactError | None = None


def access_token(app: Application, grant_id: str) -> str:
    """A live access token of this grant, refreshed first when the present one ends and Exact permits it.

    Raises ``ExactError`` when there is none to be had now: its ``retry_at`` says from when it is worth trying. Raises
    ``NotFound`` when there is no such grant, ``SettingsError`` when the key that opens it is missing.
    """
    grant, now = _read(app, grant_id)
    if plan(grant, app.settings, now).hand_out:
        return read_access_token(app.vault, grant)
    with alone(grant_id):
        return _token_of_flight(app, grant_id)


def plan(grant: Grant, settings: Settings, now: datetime) -> Plan:
    """What to do about ``grant`` at ``now``. Pure; never says "spend" sooner than Exact's 570 s."""
    lives = _lives(grant, now)
    if grant.fingerprint is None or grant.rotated_at is None:
        return Plan(error=ExactError(FailureKind.REFUSED))
    refreshable_at = grant.rotated_at + timedelta(seconds=settings.token_min_age_seconds)
    if now < refreshable_at:
        early = ExactError(FailureKind.TOO_EARLY, retry_at=refreshable_at)
        return Plan(hand_out=True) if lives else Plan(error=early)
    # A success or a new consent forgets when to try again, but Exact does not forget the errors.
    again_at = max(grant.next_try_at or now, within_budget(grant.error_moments, now))
    if now < again_at:
        return Plan(hand_out=True) if lives else Plan(error=_known_failure(grant, again_at))
    if grant.lease_until is not None and now < grant.lease_until:
        return Plan(hand_out=lives)
    return Plan(spend=True)


def keep_alive(app: Application, grant_id: str) -> None:
    """Spend a refresh token that has rested for long, so that the consent does not lapse. Raises as ``access_token``.

    One that has not rested yet only gets its moment.
    """
    grant, now = _read(app, grant_id)
    due = grant.rotated_at is None or grant.rotated_at + app.settings.keep_alive * 0.9 <= now
    if due:
        access_token(app, grant_id)
        return
    moment = next_keep_alive(app.settings, grant.rotated_at or now)
    same = (Grant.id == grant_id, Grant.fingerprint == grant.fingerprint)
    changed(app.database, update(Grant).where(*same).values(keep_alive_at=moment))


def distrust(app: Application, grant_id: str, token: str) -> None:
    """Exact did not accept this access token although it should live: it is not handed out again."""
    grant, now = _read(app, grant_id)
    if read_access_token(app.vault, grant) == token:
        same = (Grant.id == grant_id, Grant.version == grant.version)
        changed(app.database, update(Grant).where(*same).values(access_expires_at=now))


def _token_of_flight(app: Application, grant_id: str) -> str:
    """Look, and look again while another process is at it; its lease bounds the wait."""
    until = monotonic() + app.settings.lease.total_seconds() + 1
    while monotonic() < until:
        grant, now = _read(app, grant_id)
        step = plan(grant, app.settings, now)
        if step.error is not None:
            raise step.error
        if step.hand_out:
            return read_access_token(app.vault, grant)
        if step.spend and (token := _spend(app, grant)):
            return token
        if not step.spend:
            sleep(_POLL_SECONDS)
    raise ExactError(FailureKind.UNKNOWN)


def _spend(app: Application, grant: Grant) -> str:
    """Refresh, when the lease can be had; empty when the row has moved and must be looked at again."""
    if replay(app) and _has_moved(app, grant):
        return ""  # an answer was left behind for this very row
    try:
        pair = spend_refresh_token(app, grant)
    except Failed as failed:
        return _after_failure(app, grant, failed.owner, failed.error)
    return pair.access_token if pair is not None else ""


def _after_failure(app: Application, grant: Grant, owner: str, error: ExactError) -> str:
    """Record why; the present token is handed out while it lives, and a newer one if the row has moved.

    Returns nothing when the row must be looked at again; raises ``error`` when there is no way on.
    """
    if error.kind == FailureKind.REFUSED and _found_successor(app, grant):
        return ""
    _again, now = _read(app, grant.id)
    if error.retry_at is not None:
        error.retry_at += now - clock.now()  # it was told by this machine's clock
    errors = errors_within_the_hour(grant.error_moments, now)
    if error.kind == FailureKind.TOO_EARLY:
        # No failure: the pair is good, only Exact counts from a later moment than we do.
        early = now + timedelta(seconds=app.settings.token_min_age_seconds)
        error.retry_at = next_try(error.kind, 1, now, early, errors)
        _release(app, grant, owner, next_try_at=error.retry_at, error_moments=errors)
    else:
        _record(app, grant, owner, error, now)
        log.warning("Refreshing grant %s failed: %s (%s).", grant.id, error.kind.value, error.exact_message)
    again, now = _read(app, grant.id)
    if _lives(again, now):
        return read_access_token(app.vault, again)
    if again.fingerprint != grant.fingerprint:
        return ""
    raise error


def _found_successor(app: Application, grant: Grant) -> bool:
    """Whether another's answer has come meanwhile, or the row held an ancestor, as after a restored backup, or a pair
    was set aside that may be the living one."""
    replay(app)
    recover(app, grant.id)
    return _has_moved(app, grant) or take_aside(app, grant.id, grant.fingerprint)


def _has_moved(app: Application, grant: Grant) -> bool:
    return _read(app, grant.id)[0].fingerprint != grant.fingerprint


def _record(app: Application, grant: Grant, owner: str, error: ExactError, now: datetime) -> None:
    sent = error.kind != FailureKind.NOT_SENT
    errors = errors_within_the_hour(grant.error_moments, now) if sent else grant.error_moments
    refusals, refused_since, in_a_row = grant.refusals, grant.refused_since, grant.failures + 1
    if error.kind == FailureKind.REFUSED:
        quiet, many = in_quiet_hour(app.settings, now), _many_are_refused(app, grant.environment)
        refusals, refused_since = refusals_after(grant, now, quiet=quiet, many=many)
        in_a_row = refusals_in_a_row(in_a_row, grant.refusals, refusals, quiet=quiet)
    error.retry_at = next_try(error.kind, in_a_row, now, error.retry_at, errors if sent else ())
    _release(
        app,
        grant,
        owner,
        next_try_at=error.retry_at,
        last_failure_at=now,
        last_failure_kind=error.kind.value,
        last_failure_message=error.exact_message,
        failures=grant.failures + 1,
        refusals=refusals,
        refused_since=refused_since,
        error_moments=errors,
    )


def _many_are_refused(app: Application, environment: str) -> bool:
    with app.database.read() as session:
        return open_incident(session, environment, Family.REFUSAL) is not None


def _release(app: Application, grant: Grant, owner: str, **facts: object) -> None:
    """Give the lease back and write ``facts``, as long as the row is ours and holds the token that was tried."""
    mine = (Grant.id == grant.id, Grant.fingerprint == grant.fingerprint, Grant.lease_owner == owner)
    changed(app.database, update(Grant).where(*mine).values(**NO_LEASE, **facts))


def _read(app: Application, grant_id: str) -> tuple[Grant, datetime]:
    """The row, and the moment at which it was read by the clock that all share."""
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
        now = database_now(session)
    if grant is None:
        raise NotFound(_("This consent is no longer there. Connect again."))
    return grant, now


def _lives(grant: Grant, now: datetime) -> bool:
    if grant.access_token is None or grant.access_expires_at is None:
        return False
    return now < grant.access_expires_at - SPARE


def _known_failure(grant: Grant, again_at: datetime) -> ExactError:
    """Why it is not tried now: the failure that was recorded last, or that it was too early."""
    known = grant.last_failure_kind if grant.failures else FailureKind.TOO_EARLY.value
    kind = FailureKind(known) if known in set(FailureKind) else FailureKind.UNKNOWN
    return ExactError(kind, exact_message=grant.last_failure_message or "", retry_at=again_at)
