"""The same for many registrations: each by itself, with its own outcome; one that cannot stops no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Row, select, update

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.errors import ClickkerError, InvalidInput
from core.i18n import _
from core.registrations.action_words import action_words
from core.registrations.listing import RegistrationQuery, RegistrationRow, registration_rows
from core.registrations.lists import REGISTRATIONS
from core.registrations.next_action import ActionFacts, NextAction, next_action
from core.registrations.register import set_active, set_owner
from core.registrations.scope import visible, within_sight
from core.registrations.seen import Seen
from core.registrations.streaming import stream_ids
from core.registrations.wording import called, reason_sentence
from core.storage.models import Registration
from core.storage.sets import among_these

MOST = 1_000
"""Registrations in one go: as many as a list counts."""


class BulkAction(StrEnum):
    CHECK = "check"
    PAUSE = "pause"
    RESUME = "resume"
    OWNER = "owner"


NEEDS = {
    BulkAction.CHECK: Action.CHECK,
    BulkAction.PAUSE: Action.REGISTER,
    BulkAction.RESUME: Action.REGISTER,
    BulkAction.OWNER: Action.EDIT_NOTE,
}
"""What a role must permit."""


class RowState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    """It could not be done; of a check: somebody has to do something."""
    PASSING = "passing"
    """A check went wrong, and nobody has to do anything about it."""
    SKIPPED = "skipped"
    """There was nothing to check."""


@dataclass(frozen=True)
class RowResult:
    """How it went with one registration; ``message`` is a sentence, empty while it waits."""

    registration_id: int
    name: str
    state: RowState
    message: str


def rows_for_bulk(app: Application, by: CurrentOperator, query: RegistrationQuery) -> list[RegistrationRow]:
    """What ``query`` matches, by name, ``MOST`` at the most."""
    require(by, Action.EDIT_NOTE)
    seen = within_sight(app.settings, by, query)
    return list(islice(stream_ids(app, REGISTRATIONS, seen, registration_rows), MOST))


def change_many(
    app: Application,
    by: CurrentOperator,
    action: BulkAction,
    rows: Sequence[RegistrationRow],
    owner_id: int | None = None,
) -> Iterator[RowResult]:
    """Pause, resume or give another owner, one after the other; yields each outcome as it is known.

    Raises ``NotAllowed``, and ``InvalidInput`` for more than ``MOST``; what befalls one row is its outcome.
    """
    require(by, NEEDS[action])
    _refuse_too_many(rows)
    for row in rows:
        yield _change(app, by, action, row, owner_id)


def request_checks(app: Application, by: CurrentOperator, rows: Sequence[RegistrationRow]) -> datetime:
    """Have the keeper look at these soon; returns the moment to compare with in ``check_results``.

    Checks take their time at Exact, so nobody has to wait on the page for them.
    """
    require(by, Action.CHECK)
    _refuse_too_many(rows)
    now = clock.now()
    with app.database.transaction() as session:
        wanted = among_these(session, Registration.id, [row.id for row in rows])
        # In the order of ``locking``: one UPDATE takes its rows as it comes upon them.
        held = select(Registration.id).where(wanted).order_by(Registration.id).with_for_update()
        chosen = among_these(session, Registration.id, session.scalars(held).all())
        session.execute(
            update(Registration)
            .where(chosen, *_CHECKABLE, *visible(app.settings, by))
            .values(next_check_at=now)
            .execution_options(synchronize_session=False)
        )
        numbers = " ".join(str(row.id) for row in rows)
        record(session, Event.CHECK_REQUESTED, by, on=f"registrations {numbers}", detail=str(len(rows)))
    return now


def check_results(
    app: Application, by: CurrentOperator, numbers: Sequence[int], since: datetime
) -> list[RowResult]:
    """How far the checks asked for at ``since`` are, in the order of ``numbers``."""
    require(by, Action.VIEW)
    columns = select(
        Registration.id,
        Registration.name,
        Registration.active,
        Registration.grant_id,
        Registration.disconnected_at,
        Registration.last_checked_at,
        Registration.last_success_at,
        Registration.status,
        Registration.status_reason,
        Registration.last_failure_message,
        Registration.lapses_at,
    )
    columns = columns.where(*visible(app.settings, by))
    with app.database.read() as session:
        found = session.execute(columns.where(among_these(session, Registration.id, numbers))).all()
    now = clock.now()
    by_id = {row.id: _check_result(row, since, now) for row in found}
    return [by_id[number] for number in numbers if number in by_id]


_CHECKABLE = (
    Registration.active,
    Registration.grant_id.is_not(None),
    Registration.disconnected_at.is_(None),
)


def _check_result(row: Row[*tuple[Any, ...]], since: datetime, now: datetime) -> RowResult:
    facts = ActionFacts.of(row.status, row.status_reason, row.last_failure_message, row.lapses_at, now)
    action = next_action(facts)
    why = reason_sentence(row.status_reason, row.last_failure_message or "")
    said = f"{why} {action_words(action)}"
    if not row.active or row.grant_id is None or row.disconnected_at is not None:
        return RowResult(row.id, called(row.name), RowState.SKIPPED, said)
    if row.last_checked_at is None or row.last_checked_at < since:
        return RowResult(row.id, called(row.name), RowState.WAITING, "")
    return RowResult(row.id, called(row.name), _state(row, action, since), said)


def _state(row: Row[*tuple[Any, ...]], action: NextAction, since: datetime) -> RowState:
    """Whether somebody is needed is decided for the registration, and not by how this check went."""
    if action.needs_somebody:
        return RowState.FAILED
    answered = row.last_success_at is not None and row.last_success_at >= since
    return RowState.DONE if answered else RowState.PASSING


def _change(
    app: Application, by: CurrentOperator, action: BulkAction, row: RegistrationRow, owner_id: int | None
) -> RowResult:
    seen = Seen(row.name, row.environment)
    try:
        if action is BulkAction.OWNER:
            set_owner(app, by, row.id, owner_id, seen)
            return RowResult(row.id, called(row.name), RowState.DONE, _("The owner has been changed."))
        set_active(app, by, row.id, action is BulkAction.RESUME, seen)
    except ClickkerError as error:
        return RowResult(row.id, called(row.name), RowState.FAILED, error.message)
    done = _("Active again.") if action is BulkAction.RESUME else _("Paused.")
    return RowResult(row.id, called(row.name), RowState.DONE, done)


def _refuse_too_many(rows: Sequence[RegistrationRow]) -> None:
    if len(rows) > MOST:
        raise InvalidInput(_("At most {count} registrations go in one go.").format(count=MOST))
