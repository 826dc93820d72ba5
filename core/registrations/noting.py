"""What is done to a registration, for the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.audit.events import Event
from core.audit.record import Actor, Outcome, in_parts, record
from core.registrations.outcomes import Outcome as Ending
from core.storage.models import Consent, Operator, Registration

TOLD_OF_LINK = 5
"""Attempts by one customer's link of which the audit log and the timeline tell, besides the one that brings consent."""


def note(
    session: Session,
    event: Event,
    by: CurrentOperator | None,
    row: Registration,
    *,
    outcome: Outcome = "done",
    detail: str = "",
    address: str = "",
    actor: Actor = "",
) -> None:
    """Record ``event`` when this transaction commits, with the registration as it is called now."""
    on = subject(row.id, row.name)
    record(session, event, by, on=on, outcome=outcome, detail=detail, address=address, actor=actor)


def note_alone(
    app: Application, event: Event, by: CurrentOperator, registration_id: int, *, failed: bool
) -> None:
    """The same in a transaction of its own: for what somebody asked of Exact, and whether it answered."""
    with app.database.transaction() as session:
        row = session.get(Registration, registration_id)
        on = subject(registration_id, row.name if row else "")
        record(session, event, by, on=on, outcome="failed" if failed else "done")


def note_linked(
    session: Session,
    by: CurrentOperator,
    row: Registration,
    added: Sequence[int],
    removed: Sequence[int],
) -> None:
    """Which administrations were linked and let go of: all their numbers, in as many entries as that takes."""
    for part in in_parts([*(f"+{code}" for code in added), *(f"-{code}" for code in removed)]):
        note(session, Event.ADMINISTRATIONS_LINKED, by, row, detail=part)


def subject(number: int, name: str = "") -> str:
    """A registration as the audit log calls it."""
    return f"registration {number} {name}".rstrip()


def note_consent(session: Session, consent: Consent, outcome: Ending, address: str) -> None:
    """How an attempt at consent ended, by whoever began it: their session need not have come along."""
    row = session.get(Registration, consent.registration_id)
    if row is None or not (outcome.arrived or is_told(session, consent)):
        return
    by = _acting(session, consent.operator_id, address)
    came: Outcome = "done" if outcome.arrived else "refused" if outcome is Ending.REFUSED else "failed"
    event = Event.CONSENT_GRANTED if outcome.arrived else Event.CONSENT_FAILED
    actor: Actor = "customer" if consent.link_id is not None else "visitor"
    note(session, event, by, row, outcome=came, detail=outcome.value, address=address, actor=actor)


def note_turned_away(
    session: Session, consent: Consent, outcome: Ending, operator_id: int | None, address: str
) -> None:
    """A return that was not taken for this attempt, by whoever is signed in where it came from.

    Of each attempt and outcome the first: anybody can send the same again, and nothing is ever taken from the log.
    """
    row = session.get(Registration, consent.registration_id)
    if row is not None and is_told(session, consent) and _is_new(session, consent, outcome):
        by, detail = _acting(session, operator_id, address), outcome.value
        note(
            session, Event.CONSENT_FAILED, by, row,
            outcome="refused", detail=detail, address=address, actor="visitor",
        )  # fmt: skip


def is_told(session: Session, consent: Consent) -> bool:
    """Whether an attempt is for audit log and timeline, though it brings no consent: all of operators.

    Whoever has a customer's link may begin without end; of these it is the first ``TOLD_OF_LINK``.
    """
    if consent.link_id is None:
        return True
    before = tuple_(Consent.created_at, Consent.id) < (consent.created_at, consent.id)
    earlier = select(func.count()).where(Consent.link_id == consent.link_id, before)
    return (session.scalar(earlier) or 0) < TOLD_OF_LINK


def _is_new(session: Session, consent: Consent, outcome: Ending) -> bool:
    if outcome.value not in consent.turned_away.split():
        session.refresh(consent, with_for_update=True)  # another process may be telling the same
    told = consent.turned_away.split()
    if outcome.value in told:
        return False
    consent.turned_away = " ".join([*told, outcome.value])
    return True


def _acting(session: Session, operator_id: int | None, address: str) -> CurrentOperator | None:
    row = session.get(Operator, operator_id) if operator_id is not None else None
    if row is None:
        return None
    return CurrentOperator(row.id, row.email, row.name, Role(row.role), row.language, address=address)
