"""What must hold when nothing has gone wrong for so long that every promised time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.audit.verifying import How, examine
from core.registrations.status import Status
from core.simulator.context import consent_of
from core.storage.models import (
    Administration,
    Alarm,
    Consent,
    Delivery,
    Grant,
    Incident,
    Registration,
    TimelineEntry,
)
from tests.world.oracle import HOUR, Oracle
from tests.world.people import Case
from tests.world.truth import Shown, User


class Rest(Oracle):
    """Every state has ended by itself, or stands in front of somebody who can end it."""

    def at_rest(self) -> None:
        """Every state has ended by itself, or stands in front of somebody who can end it."""
        self.read_the_books()
        if not self.life.hub.quiet:
            raise self.life.broken(f"stuck: {[task.act.name for task in self.life.hub.tasks]}")
        self.nothing_is_lost(pending=False)
        for each in self.shown():
            wanted = self.expected(each)
            if wanted is not None and (each.status, each.reason) not in wanted and each.status not in wanted:
                raise self.life.broken(
                    f"{self.name(each)} is {each.status} ({each.reason}), and should be {sorted(map(str, wanted))}"
                )
        for words in self._left_over():
            raise self.life.broken(words)
        for words in self._alarms():
            raise self.life.broken(words)

    def expected(self, each: Shown) -> set[Any] | None:
        """What a registration should be shown as, by Exact's books and what was done here."""
        case = self.life.cases.get(each.id)
        row, linked = self.row(each.id)
        let_go = row.disconnected_at is not None
        if let_go and (case is None or case.unsure or not self._consented_anew(case)):
            return {Status.DISCONNECTED}
        if not row.active or row.submitted_at is None:
            return {Status.DRAFT if row.submitted_at is None else Status.PAUSED}
        if each.user is None:
            return None if case is None or case.unsure else self._without_consent(case)
        return self._with_consent(each, each.user, row, linked)

    def _with_consent(
        self, each: Shown, user: User, row: Registration, linked: list[Administration]
    ) -> set[Any]:
        if not self.alive(user):
            waits = {(Status.ATTENTION, f"{why}+undecided") for why in ("refused", "lapsed")}
            return waits if each.candidate else {Status.RECONNECT_NEEDED}
        if each.candidate:
            return {(Status.ATTENTION, "undecided"), Status.CHOOSE_ADMINISTRATIONS, Status.RECONNECT_NEEDED}
        if not linked or row.completed_at is None:
            return {Status.CHOOSE_ADMINISTRATIONS}
        return self._by_administrations(user, linked)

    def _consented_anew(self, case: Case) -> bool:
        """Whether its last consent lives. One that another's has superseded may have died without a name."""
        user = next((user for user in self.users.values() if self.waits_for(case, user)), None)
        newest = self.newest(user) if user else None
        pair = self.life.engine._context.state.pairs.get(case.given[-1][3]) if case.given else None
        return newest is not None and pair is not None and pair.chain == newest.chain

    def _without_consent(self, case: Case) -> set[Any]:
        return set() if self._consented_anew(case) else {Status.WAITING_FOR_CONSENT, Status.CONSENT_DENIED}

    def _by_administrations(self, user: User, linked: list[Administration]) -> set[Any]:
        context = self.life.engine._context
        consent = consent_of(context, user[0], self.life.client_id(user[0]), user[1])
        reached = {division.code: division for division in self.life.engine.divisions(*user)}
        working = 0
        for row in linked:
            division = reached.get(row.code)
            permitted = consent is not None and (consent.divisions is None or row.code in consent.divisions)
            working += bool(division and permitted and division.status == 1 and not division.blocking)
        if working == len(linked):
            return {Status.CONNECTED}
        return {Status.PARTLY_CONNECTED} if working else {(Status.ATTENTION, "no_administration_works")}

    def _left_over(self) -> Iterator[str]:
        now = self.life.hub.time
        with self.any_process().app.database.read() as session:
            incident = session.scalar(select(Incident).where(Incident.closed_at.is_(None)).limit(1))
            if incident is not None:
                yield f"stuck: an incident ({incident.kind}) of {incident.environment} since {incident.opened_at}"
            consent = session.scalar(
                select(Consent).where(Consent.outcome == "exchanging", Consent.used_at < now - HOUR).limit(1)
            )
            if consent is not None:
                yield f"stuck: registration {consent.registration_id} is with Exact since {consent.used_at}"
            stray = session.scalar(
                select(Registration).join(Grant, Grant.id == Registration.candidate_grant_id)
                .where(Grant.exact_user_id.is_(None)).limit(1)
            )  # fmt: skip
            if stray is not None and self._still_lives(stray.candidate_grant_id):
                yield f"stuck: nobody has asked whose the consent of {stray.name} is"
            waiting = session.scalar(
                select(Delivery)
                .where(Delivery.outcome == "", Delivery.next_try_at < now - 26 * HOUR)
                .limit(1)
            )
            if waiting is not None:
                yield f"stuck: an alarm waits since {waiting.next_try_at}"
        for running in self.life.made.running.values():
            for _slot in running.app.journal.slots.left_behind():
                yield f"stuck: an answer lies in the journal of {running.process.name}"

    def _still_lives(self, grant_id: str | None) -> bool:
        token = self.held().get(grant_id or "", "")
        return any(
            (newest := self.newest(user)) is not None and newest.refresh_token == token
            for user in self.users.values()
        )

    def _alarms(self) -> Iterator[str]:
        """Of one registration nobody hears the same twice, and whose consent has died its people were told."""
        if self.life.made.restored:
            return
        with self.any_process().app.database.read() as session:
            sent = session.execute(
                select(
                    Alarm.id, Alarm.registration_id, Alarm.created_at, Delivery.audience, Delivery.recipient
                )
                .join(Delivery, Delivery.alarm_id == Alarm.id)
                .where(Alarm.kind == "reconnect_needed", Delivery.sent_at.is_not(None))
                .order_by(Alarm.id)
            ).all()
            well = session.execute(
                select(Alarm.registration_id, Alarm.created_at).where(Alarm.kind == "recovered")
            ).all()
            turns = session.execute(
                select(TimelineEntry.registration_id, TimelineEntry.at, TimelineEntry.details).where(
                    TimelineEntry.kind == "status"
                )
            ).all()
        last: dict[tuple[int, str, int], datetime] = {}
        for _id, number, at, audience, recipient in sent:
            before = last.get((number, audience, recipient))
            away = [t for n, t, d in turns if n == number and d["status"] != "reconnect_needed"]
            away += [t for n, t in well if n == number]  # of a paused one, whose status stays
            if before is not None and not any(before <= t <= at for t in away):
                yield f"doubled: {audience} {recipient} was told twice that registration {number} must connect again"
            last[number, audience, recipient] = at
        told = {number for number, audience, _recipient in last if audience == "support"}
        for each in self.shown():
            if each.status is Status.RECONNECT_NEEDED and each.id not in told:
                yield f"untold: {self.name(each)} must connect again, and support has not heard"

    def audit(self) -> None:
        """The audit log is whole."""
        broken = examine(self.any_process().app).broken
        after_a_backup = self.life.made.restored and broken and broken.how in {How.CUT_OFF, How.REWRITTEN}
        if broken and not after_a_backup:
            raise self.life.broken(f"the audit log is broken: {broken}")
