"""What the facts of a grant mean. Pure: the moment is given, nothing is read or written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from core.exact.errors import FailureKind
from core.settings import Settings

REFUSALS_TO_BE_SURE = 3
SURE_AFTER = timedelta(hours=2)
"""Exact has refused good tokens at night and accepted them later (picqer#497): one refusal proves nothing."""
DOUBT = timedelta(hours=4)
"""So long, and no longer, an incident of refusals keeps a consent from being called dead: three refusals, the last one
at most two hours later, then show a withdrawn consent within eight hours of its first refusal, come what may."""
SPARE = timedelta(seconds=5)
"""An access token with less life than this is not handed out: the call that uses it takes time too."""

_DUTCH = ZoneInfo("Europe/Amsterdam")

ERRORS_AN_HOUR = 4
"""Exact blocks an app for an hour after ten errors at one address; somebody else may be making some too."""

_MINUTE = timedelta(minutes=1)
_HOUR = 60 * _MINUTE
_LADDER = (timedelta(seconds=15), 10 * _MINUTE, 20 * _MINUTE, 60 * _MINUTE, 240 * _MINUTE)
"""At most four error answers in any hour: Exact blocks an app after ten."""
_WAITS: dict[FailureKind, tuple[timedelta, ...]] = {
    FailureKind.NOT_SENT: (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60)),
    FailureKind.UNKNOWN: _LADDER,
    FailureKind.OUTAGE: _LADDER,
    FailureKind.RATE_LIMITED: (10 * _MINUTE, 60 * _MINUTE),
    # The third refusal can only come when two hours have passed since the first.
    FailureKind.REFUSED: (10 * _MINUTE, 120 * _MINUTE, 240 * _MINUTE, 1440 * _MINUTE),
}
_OTHER_WAITS = (10 * _MINUTE, 20 * _MINUTE, 60 * _MINUTE, 240 * _MINUTE)


class Refusals(Protocol):
    """The columns of a grant that tell whether it was refused for good."""

    @property
    def refusals(self) -> int: ...
    @property
    def refused_since(self) -> datetime | None: ...
    @property
    def last_failure_at(self) -> datetime | None: ...


class GrantFacts(Refusals, Protocol):
    """The columns of a grant that tell how it fares; ``core.storage.models.Grant`` has them."""

    @property
    def last_failure_kind(self) -> str | None: ...
    @property
    def last_success_at(self) -> datetime | None: ...
    @property
    def rotated_at(self) -> datetime | None: ...


def lapses_at(rotated_at: datetime, settings: Settings) -> datetime:
    """When the refresh token received at ``rotated_at`` lapses if it is not used before."""
    return rotated_at + settings.consent_life


def next_keep_alive(settings: Settings, rotated_at: datetime) -> datetime:
    """When a token received at ``rotated_at`` has rested long enough; spread, so that not all wake at once."""
    return rotated_at + settings.keep_alive * random.uniform(0.9, 1.0)  # noqa: S311 - no secret hangs on it


def has_lapsed(rotated_at: datetime | None, settings: Settings, now: datetime) -> bool:
    """Whether the days of an unused refresh token have passed."""
    return rotated_at is not None and now >= lapses_at(rotated_at, settings)


def grant_is_dead(grant: Refusals, *, lapses: datetime | None = None, now: datetime | None = None) -> bool:
    """Whether only a new consent can help: refused three times over two hours or more, or lapsed at ``lapses``.

    The token is kept even then. Without ``lapses`` and ``now`` only the refusals count.
    """
    if lapses is not None and now is not None and now >= lapses:
        return True
    if grant.refusals < REFUSALS_TO_BE_SURE or grant.refused_since is None or grant.last_failure_at is None:
        return False
    return grant.last_failure_at - grant.refused_since >= SURE_AFTER


def refused_at(grant: GrantFacts) -> datetime | None:
    """When Exact last refused a grant's tokens; None when they have worked since, or never were."""
    if grant.last_failure_kind != FailureKind.REFUSED or grant.last_failure_at is None:
        return None
    worked = grant.last_success_at is not None and grant.last_success_at >= grant.last_failure_at
    return None if worked else grant.last_failure_at


def followed(settings: Settings, grant: GrantFacts) -> str:
    """All that a registration's status takes from its grant, in one line: when it lapses, then how it is refused."""
    lapse = lapses_at(grant.rotated_at, settings).isoformat() if grant.rotated_at else "-"
    refused = refused_at(grant)
    return f"{lapse} {refused.isoformat() if refused else '-'} {'dead' if grant_is_dead(grant) else 'alive'}"


def refusals_after(
    grant: GrantFacts, now: datetime, *, quiet: bool, many: bool
) -> tuple[int, datetime | None]:
    """How many refusals count, and since when, after one more at ``now``.

    In the ``quiet`` hour none counts. While ``many`` logins are refused at once it counts, but not as the last that
    is needed: that has to come after the incident, or ``DOUBT`` after the first. So good tokens that Exact refuses for
    a while are not given up, and a consent that was withdrawn is called so all the same.
    """
    if quiet:
        return grant.refusals, grant.refused_since
    since = grant.refused_since or now
    counted = grant.refusals + 1
    if many and now - since < DOUBT:
        counted = max(grant.refusals, min(counted, REFUSALS_TO_BE_SURE - 1))
    return counted, since


def refusals_in_a_row(failures: int, before: int, after: int, *, quiet: bool) -> int:
    """What ``next_try`` is given for a refusal, the ``failures``-th failure in a row, which has brought those that
    count from ``before`` to ``after``.

    The ladder is for consents that are dead. Until that is certain, no two refusals may lie more than two hours apart
    (four for the first, which may follow an outage): red within eight hours is promised.
    """
    if quiet:
        return 1
    if after >= REFUSALS_TO_BE_SURE:
        return failures
    return min(failures, 2 if before else 3)


def in_quiet_hour(settings: Settings, now: datetime) -> bool:
    """Whether it is the hour of the Dutch night in which nothing is asked that can wait, and a refusal does not count.

    Exact has refused good tokens then (picqer#497): with an outage in between, three such nights would look like a
    customer who has withdrawn.
    """
    return now.astimezone(_DUTCH).hour == settings.quiet_hour


def next_try(
    kind: FailureKind,
    failures: int,
    now: datetime,
    retry_at: datetime | None = None,
    errors: Sequence[float] = (),
) -> datetime:
    """When to try again after the ``failures``-th failure in a row (1 for the first), this one of ``kind``.
    A moment that Exact named counts instead, when it is later than now; so does the one until which a late answer may
    come, unless the wait is longer anyway. ``errors`` are the moments (seconds since 1970) of the error answers so far,
    this one included: where they are as many as an hour may hold, the hour is waited out.
    """
    waits = _WAITS.get(kind, _OTHER_WAITS)
    chosen = now + waits[min(max(failures, 1), len(waits)) - 1]
    if retry_at is not None and retry_at > now:
        # Until an answer can no longer come, waiting is a must; it does not shorten the ladder.
        chosen = max(chosen, retry_at) if kind is FailureKind.UNKNOWN else retry_at
    return max(chosen, within_budget(errors, now))


def errors_within_the_hour(before: Sequence[float], now: datetime) -> list[float]:
    """The moments of error answers that still count, with one at ``now``."""
    recent = [moment for moment in before if moment > now.timestamp() - _HOUR.total_seconds()]
    return [*recent, now.timestamp()][-ERRORS_AN_HOUR:]


def within_budget(errors: Sequence[float], now: datetime) -> datetime:
    """The first moment at which one more error would be one of ``ERRORS_AN_HOUR`` in any hour."""
    if len(errors) < ERRORS_AN_HOUR:
        return now
    oldest = datetime.fromtimestamp(errors[-ERRORS_AN_HOUR], UTC)
    # Exact counts by its own clock: a minute to spare.
    return oldest + _HOUR + _MINUTE
