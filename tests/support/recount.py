"""What is kept beside the facts, counted anew from the facts by code that shares nothing with the product's.

The rules stand here a second time, in plain words and plain code, on purpose: a mistake in ``core`` that shows in a
status, a counter or a copy shows as a difference. Only the tables' columns are taken from ``core``.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, text

from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Administration, Consent, CustomerLink, Grant, Incident, Operator, Registration
from core.storage.models import Counter as Figure

_SHARED_KINDS = {"outage", "unknown", "not_sent", "refused", "not_authenticated", "client"}
"""Failures that may be those of a whole environment."""
_OUTAGES = {"outage", "unknown", "not_sent"}
_ENDED_BADLY = {
    "refused",
    "provider_error",
    "missing_code",
    "token_error",
    "client_error",
    "our_error",
    "timeout",
    "maintenance",
}
_CAME_BACK = _ENDED_BADLY | {"granted", "needs_decision", "unidentified"}
_WARNED_DAYS = (14, 7, 3, 0)
"""So many days before a consent lapses its status or its issues change."""
_WORD = 5
"""SQLite's search holds every run of so many characters."""


@dataclass(frozen=True)
class _Login:
    """What the row of a grant says about a registration that hangs on it."""

    lapses: datetime | None
    dead: bool
    refused_at: datetime | None
    """When its tokens were last refused, unless they have worked since."""
    rotated_at: datetime | None


def differences(database: Database, settings: Settings, now: datetime) -> list[str]:
    """Every difference between what is stored and what the facts come to at ``now``, as sentences; none: []."""
    with database.engine.connect() as connection:
        grants = connection.execute(select(Grant.__table__)).all()
        logins = {row.id: _login(row, settings) for row in grants}
        names = {row.id: "named" if row.exact_user_id else "nameless" for row in grants}
        owners = dict(connection.execute(select(Operator.id, Operator.name)).all())
        rows = connection.execute(select(Registration.__table__).order_by(Registration.id)).all()
        administrations = defaultdict(list)
        for row in connection.execute(select(Administration.__table__).order_by(Administration.id)):
            administrations[row.registration_id].append(row)
        open_ones = select(Incident.__table__).where(Incident.closed_at.is_(None))
        incidents = {row.environment: row for row in connection.execute(open_ones)}
        attempts = connection.execute(select(Consent.__table__)).all()
        links = connection.execute(select(CustomerLink.__table__)).all()
        found = []
        for row in rows:
            login = logins.get(row.grant_id) if row.grant_id else None
            own = administrations[row.id]
            candidate = names.get(row.candidate_grant_id, "")
            status = _Truth(row, login, own, settings, now, candidate=candidate)
            status.follow(incidents.get(row.environment))
            status.asked = _asked(row, login, attempts, links, now)
            for said in (*status.differences(), *_copies(row, owners, own), *_schedule(row, candidate)):
                found.append(f"registration {row.id} ({row.name}): {said}")
        figures = dict(connection.execute(select(Figure.name, Figure.value)).all())
        found += _figures(figures, rows, [one for own in administrations.values() for one in own])
        if database.is_sqlite:
            found += _search(connection, "registrations", rows, ("name_key", "reference"))
            linked = [one for own in administrations.values() for one in own if one.linked]
            found += _search(connection, "administrations", linked, ("name_key",))
        connection.rollback()
    return found


def _login(row: Row[Any], settings: Settings) -> _Login:
    lapses = None
    if row.rotated_at is not None:
        lapses = row.rotated_at + timedelta(days=settings.consent_life_days)
    dead = (
        row.refusals >= 3
        and row.refused_since is not None
        and row.last_failure_at is not None
        and row.last_failure_at >= row.refused_since + timedelta(hours=2)
    )
    refused_at = row.last_failure_at if row.last_failure_kind == "refused" else None
    if refused_at is not None and row.last_success_at is not None and row.last_success_at >= refused_at:
        refused_at = None
    return _Login(lapses, dead, refused_at, row.rotated_at)


def _asked(
    row: Row[Any],
    login: _Login | None,
    attempts: Sequence[Row[Any]],
    links: Sequence[Row[Any]],
    now: datetime,
) -> tuple[str, datetime | None]:
    """What has come of asking the customer, and until when that holds by itself."""
    begun = row.disconnected_at or (login.rotated_at if login else None) or row.created_at
    open_ones = [
        one
        for one in links
        if one.registration_id == row.id and one.used_at is None and one.revoked_at is None
    ]
    link = max(
        (one for one in open_ones if one.created_at > begun or one.expires_at > now),
        key=lambda one: one.id,
        default=None,
    )
    mine = [
        one
        for one in attempts
        if one.registration_id == row.id and one.environment == row.environment and one.used_at is not None
    ]
    came_back = [one for one in mine if one.used_at > begun and one.outcome in _CAME_BACK]
    last = max(came_back, key=lambda one: one.used_at, default=None)
    if (
        last is not None
        and last.outcome in _ENDED_BADLY
        and (link is None or link.created_at <= last.used_at)
    ):
        return ("denied" if last.outcome == "refused" else last.outcome), None
    if link is None:
        return "", None
    return ("link_sent", link.expires_at) if link.expires_at > now else ("link_expired", None)


class _Truth:
    """What one registration's status is, and until when."""

    def __init__(
        self,
        row: Row[Any],
        login: _Login | None,
        administrations: Sequence[Row[Any]],
        settings: Settings,
        now: datetime,
        *,
        candidate: str,
    ) -> None:
        self.row, self.login, self.settings, self.now = row, login, settings, now
        self.candidate = candidate
        """Whether another consent waits: "named", or "nameless" while Exact has not said whose it is."""
        self.shown = [one for one in administrations if one.permitted or one.linked]
        self.incident: Row[Any] | None = None
        self.asked: tuple[str, datetime | None] = ("", None)
        self.linked = [one for one in administrations if one.linked]
        self.working = [one for one in self.linked if _works(one)]
        self.failed_at, self.failure = row.last_failure_at, row.last_failure_kind
        refused_at = login.refused_at if login else None
        if refused_at is not None and (self.failed_at is None or refused_at >= self.failed_at):
            self.failed_at, self.failure = refused_at, "refused"

    def follow(self, incident: Row[Any] | None) -> None:
        """The open incident of the country is this one's too when its failure is of the kind, and of the time."""
        if incident is not None and self.failed_at is not None and self.failure in _SHARED_KINDS:
            begun = incident.opened_at - timedelta(minutes=self.settings.incident_minutes)
            self.incident = incident if self.failed_at >= begun else None

    def differences(self) -> Iterator[str]:
        said, stored = self.status(), (self.row.status, self.row.status_reason)
        if said != stored:
            yield f"the status is {' / '.join(stored)}, the facts say {' / '.join(said)}"
        if self.row.administrations_linked != len(self.linked):
            yield f"{self.row.administrations_linked} administrations are counted, {len(self.linked)} are linked"
        lapses = self.login.lapses if self.login else None
        if self.row.lapses_at != lapses:
            yield f"it is said to lapse at {self.row.lapses_at}, and lapses at {lapses}"
        change, until = self.next_change(), self.row.status_until
        if change is not None and (until is None or until > change):
            yield f"it changes at {change}, and is looked at again at {until}"

    def status(self) -> tuple[str, str]:
        row = self.row
        if row.disconnected_at is not None:
            return "disconnected", self._with_asked("disconnected")
        if not row.active:
            return "paused", self._undecided("paused_without_consent" if self._consent_died() else "paused")
        if row.submitted_at is None:
            return "draft", "draft"
        if self.login is None:
            said = self._with_asked("waiting_for_consent")
            return ("consent_denied" if said.endswith("+denied") else "waiting_for_consent"), said
        return self._with_consent(self.login)

    def _with_asked(self, why: str) -> str:
        """No consent works: how far a new one is stands beside the reason."""
        asked = {"named": "undecided", "nameless": "unidentified"}.get(self.candidate, self.asked[0])
        return f"{why}+{asked}" if asked else why

    def _undecided(self, why: str) -> str:
        return f"{why}+undecided" if self.candidate == "named" else why

    def _consent_died(self) -> bool:
        if self.login is None or self.row.submitted_at is None:
            return False
        return self.login.dead or (self.login.lapses is not None and self.login.lapses <= self.now)

    def _with_consent(self, login: _Login) -> tuple[str, str]:
        if self._consent_died():
            here = {"named": "attention", "nameless": "waiting_for_consent"}  # a new one came, and waits
            status = here.get(self.candidate, "reconnect_needed")
            return status, self._with_asked("refused" if login.dead else "lapsed")
        if self.row.completed_at is None or not self.linked:
            return self._before_choice()
        return self._broken() if self._is_broken() else self._by_last_success()

    def _before_choice(self) -> tuple[str, str]:
        """One may choose from what was shown while Exact is down, not while it refuses, or has shown nothing."""
        if self._is_broken():
            down = self.failure in _OUTAGES or self.failure in {"rate_limited", "too_early"}
            if self.incident is not None:
                down = self.incident.kind != "client"
            if not (down and self.shown):
                return self._broken()
        if self.candidate == "named":
            return "attention", "undecided"
        return "choose_administrations", "choose_administrations"

    def _is_broken(self) -> bool:
        if self.failed_at is None or self.failure is None:
            return False
        return self.row.last_success_at is None or self.failed_at > self.row.last_success_at

    def _broken(self) -> tuple[str, str]:
        if self.incident is not None:
            if self.incident.kind == "client":
                return "attention", self._undecided("incident_client")
            return "exact_outage", self._undecided("incident")
        if self.failure in _OUTAGES:
            return "exact_outage", self._undecided("outage")
        return "attention", self._undecided(f"failure_{self.failure}")

    def _by_last_success(self) -> tuple[str, str]:
        stale = self._stale()
        if stale is None or stale <= self.now:
            return "attention", self._undecided("stale")
        if self.candidate == "named":
            return "attention", "undecided"
        if not self.working:
            return "attention", self._closed_for_now() or "no_administration_works"
        if len(self.working) < len(self.linked):
            return "partly_connected", self._closed_for_now() or "some_administrations_fail"
        return "connected", "connected"

    def _closed_for_now(self) -> str:
        """Exact opens them all again by itself: they are being backed up, or it asked to wait."""
        broken = [one for one in self.linked if not _works(one)]
        return "administrations_wait" if all(_opens_by_itself(one) for one in broken) else ""

    def _stale(self) -> datetime | None:
        last: datetime | None = self.row.last_success_at
        return None if last is None else last + timedelta(days=self.settings.fresh_days)

    def next_change(self) -> datetime | None:
        """When status or issues are others by the mere passing of time; None when they never are."""
        status = self.status()[0]
        never = {"disconnected", "draft", "waiting_for_consent", "consent_denied", "reconnect_needed"}
        died = self.row.active and self.row.submitted_at is not None and self._consent_died()
        if (status in never or died) and self.candidate == "":
            return self.asked[1]
        if status in never or self.row.submitted_at is None or self._consent_died():
            return None
        lapses, stale = self.login.lapses if self.login else None, self._stale()
        moments = [lapses - timedelta(days=days) for days in _WARNED_DAYS] if lapses is not None else []
        chosen = self.row.completed_at is not None and bool(self.linked) and status != "paused"
        if chosen and not self._is_broken() and stale is not None:
            moments.append(stale)
        return min((moment for moment in moments if moment > self.now), default=None)


def _works(row: Row[Any]) -> bool:
    open_at_exact = row.exact_status == 1 and row.blocking_status == 0
    return row.permitted and open_at_exact and row.last_failure_kind is None


def _opens_by_itself(row: Row[Any]) -> bool:
    if not row.permitted or row.exact_status == 2:
        return False
    if row.blocking_status != 0:
        return True
    passing = _OUTAGES - {"not_sent"} | {"rate_limited", "too_early"}
    blocked = "divisionblocked" in (row.last_failure_message or "").lower()
    return row.exact_status == 1 and (row.last_failure_kind in passing or blocked)


def _copies(row: Row[Any], owners: dict[int, str], administrations: Iterable[Row[Any]]) -> Iterator[str]:
    owner = _fold(owners[row.owner_id]) if row.owner_id is not None else ""
    if row.name_key != _fold(row.name):
        yield f"its name is sorted as {row.name_key!r}"
    if row.owner_key != owner:
        yield f"its owner is sorted as {row.owner_key!r}, and is {owner!r}"
    for one in administrations:
        kept = (one.status, one.active, one.owner_id, one.owner_key, one.registration_key, one.environment)
        facts = (row.status, row.active, row.owner_id, owner, _fold(row.name), row.environment)
        if kept != facts:
            yield f"administration {one.code} repeats {kept}, and should {facts}"
        if one.name_key != _fold(one.name):
            yield f"the name of administration {one.code} is sorted as {one.name_key!r}"


def _schedule(row: Row[Any], candidate: str) -> Iterator[str]:
    expected = row.active and row.submitted_at is not None and row.disconnected_at is None
    wanted = candidate == "nameless" or (expected and row.grant_id is not None)
    if wanted and row.next_check_at is None:
        yield "nobody will check it again"
    if not wanted and row.next_check_at is not None:
        yield f"it is to be checked at {row.next_check_at}, and there is nothing to check"


def _figures(
    kept: dict[str, int], rows: Iterable[Row[Any]], administrations: Iterable[Row[Any]]
) -> list[str]:
    counted = Counter(f"status:{row.status}" for row in rows)
    counted["administrations"] = sum(1 for one in administrations if one.linked)
    names = {name for name in kept if name.startswith("status:")} | set(counted)
    return [
        f"the counter {name} is {kept.get(name, 0)}, and {counted[name]} are there"
        for name in sorted(names)
        if kept.get(name, 0) != counted[name]
    ]


def _search(
    connection: Connection, table: str, rows: Iterable[Row[Any]], columns: Sequence[str]
) -> Iterator[str]:
    """SQLite alone keeps its search beside the rows; PostgreSQL's is an index."""
    words = f"temp.{table}_words"
    connection.execute(
        text(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {words} USING fts5vocab('main', '{table}_search', 'instance')"
        )
    )
    kept = {(row.doc, row.term) for row in connection.execute(text(f"SELECT doc, term FROM {words}"))}  # noqa: S608
    wanted = {
        (row.id, run.lower()) for row in rows for column in columns for run in _runs(getattr(row, column))
    }
    for number, word in sorted(wanted - kept)[:5]:
        yield f"{table}: {number} is not found by {word!r}"
    for number, word in sorted(kept - wanted)[:5]:
        yield f"{table}: {number} is found by {word!r}, which it does not hold"


def _runs(name: str) -> list[str]:
    """The words under which a text is found: five characters from each place on, the last two apart."""
    if not name:
        return []
    return [name[place : place + _WORD] for place in range(max(len(name) - 2, 1))]


def _fold(name: str) -> str:
    """Without accents, case, double blanks and what nobody sees."""
    seen = "".join(sign for sign in name if unicodedata.category(sign) not in {"Cc", "Cf", "Cs"})
    letters = [sign for sign in unicodedata.normalize("NFKD", seen) if not unicodedata.combining(sign)]
    return " ".join("".join(letters).casefold().split())
