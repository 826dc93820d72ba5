"""An answer in archive or journal belongs to one grant: swapped, nobody gets another's tokens, and it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from core import clock
from core.application import Application
from core.simulator.server import RunningSimulator
from core.storage.models import Alarm, Grant, Registration
from core.tokens import spending
from core.tokens.archive import _answers
from core.tokens.grants import read_refresh_token, save_candidate
from core.tokens.records import rebind, unseal
from core.tokens.replaying import recover, recover_all, replay
from core.tokens.rotation import access_token
from tests.factories import make_registration

VERIFIER = "v" * 43
USERS = ("test@testbv.example", "kantoor@vandijk-accountants.example")


class Killed(BaseException):
    """Stands in for the end of the process."""


@pytest.fixture
def grants(simulator: RunningSimulator, app: Application) -> list[str]:
    """Two customers' consents, each behind a registration."""
    made = [
        save_candidate(app, "nl", app.exact.exchange("nl", simulator.engine.grant_code("nl", user), VERIFIER))
        for user in USERS
    ]
    numbers = [make_registration(app.database, f"Customer {number}") for number in range(2)]
    with app.database.transaction() as session:
        for number, grant_id in zip(numbers, made, strict=True):
            session.get_one(Grant, grant_id).live = True
            session.get_one(Registration, number).grant_id = grant_id
    return made


def held(app: Application, grant_id: str) -> str:
    with app.database.read() as session:
        return read_refresh_token(app.vault, session.get_one(Grant, grant_id))


def rotated(app: Application, simulator: RunningSimulator, grants: list[str]) -> dict[str, dict[str, Any]]:
    """Refresh both twice; the rows of before, as a backup has them."""
    with app.database.read() as session:
        before = {
            grant_id: {
                column.name: getattr(session.get_one(Grant, grant_id), column.name)
                for column in Grant.__table__.columns
                if column.name != "id"
            }
            for grant_id in grants
        }
    for number in range(2):
        simulator.engine.advance(601)
        with clock.shifted(timedelta(seconds=601 * (number + 1))):
            for grant_id in grants:
                access_token(app, grant_id)
    return before


def restore(app: Application, before: dict[str, dict[str, Any]]) -> None:
    with app.database.transaction() as session:
        for grant_id, columns in before.items():
            session.execute(update(Grant).where(Grant.id == grant_id).values(**columns))


def swap(app: Application, grants: list[str], *columns: str) -> None:
    """Exchange these columns of the newest answers of two grants in the archive's file."""
    with app.journal.archive._database().transaction() as session:
        rows = [
            session.execute(
                select(_answers).where(_answers.c.grant_id == grant_id, _answers.c.sealed.is_not(None))
            ).one()
            for grant_id in grants
        ]
        for row, other in zip(rows, reversed(rows), strict=True):
            values = {column: getattr(other, column) for column in columns}
            session.execute(update(_answers).where(_answers.c.id == row.id).values(**values))


def alarms(app: Application) -> list[str]:
    with app.database.read() as session:
        return list(session.scalars(select(Alarm.kind)))


def test_check_14_left_alone_each_gets_its_own(
    app: Application, simulator: RunningSimulator, grants: list[str]
) -> None:
    before = rotated(app, simulator, grants)
    newest = [held(app, grant_id) for grant_id in grants]
    restore(app, before)
    assert recover_all(app) == 2
    assert [held(app, grant_id) for grant_id in grants] == newest
    assert alarms(app) == []


@pytest.mark.parametrize("columns", [("sealed",), ("sealed", "child")])
@pytest.mark.parametrize("by_itself", [False, True])
def test_check_14_swapped_answers_are_put_in_force_nowhere_and_are_an_alarm(
    app: Application,
    simulator: RunningSimulator,
    grants: list[str],
    columns: tuple[str, ...],
    by_itself: bool,
) -> None:
    before = rotated(app, simulator, grants)
    restore(app, before)
    old = [held(app, grant_id) for grant_id in grants]
    swap(app, grants, *columns)

    changed = sum(recover(app, each) for each in grants) if by_itself else recover_all(app)

    assert changed == 0
    assert [held(app, grant_id) for grant_id in grants] == old
    assert set(alarms(app)) == {"answer_misplaced"}
    count = len(alarms(app))
    recover_all(app)
    assert len(alarms(app)) == count, "once a day is enough"


def test_check_14_a_changed_answer_is_an_alarm_too(
    app: Application, simulator: RunningSimulator, grants: list[str]
) -> None:
    restore(app, rotated(app, simulator, grants))
    with app.journal.archive._database().transaction() as session:
        session.execute(
            text("UPDATE answers SET sealed = CAST(sealed || x'00' AS BLOB) WHERE sealed IS NOT NULL")
        )
    assert recover_all(app) == 0
    assert set(alarms(app)) == {"answer_misplaced"}


def test_check_14_a_pair_that_went_over_to_another_grant_is_that_ones_own(
    app: Application, simulator: RunningSimulator, grants: list[str]
) -> None:
    rotated(app, simulator, grants)
    known = app.journal.newest(grants[0])
    assert known is not None
    moved = unseal(app.vault, rebind(app.vault, known.sealed, "another"))
    assert moved.spend.grant_id == "another"
    assert moved.pair() == unseal(app.vault, known.sealed).pair()


def left_in_a_slot(app: Application, grant_id: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What a refresh left in its slot that died there; the slot is empty again."""

    def killed(*_given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(spending, "land", killed)
        with pytest.raises(Killed):
            access_token(app, grant_id)
    [slot] = app.journal.slots.left_behind()
    sealed = slot._path.read_bytes()
    slot._path.write_bytes(bytes(len(sealed)))
    return sealed[8 : 8 + int.from_bytes(sealed[4:8])]


def test_check_14_swapped_slots_give_each_its_own(
    app: Application, simulator: RunningSimulator, grants: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.engine.advance(601)
    with clock.shifted(timedelta(seconds=601)):
        contents = [left_in_a_slot(app, grant_id, monkeypatch) for grant_id in grants]
        own = {
            grant_id: unseal(app.vault, sealed).pair()
            for grant_id, sealed in zip(grants, contents, strict=True)
        }
        for sealed in reversed(contents):
            slot = app.journal.slots.reserve()
            slot.write(sealed)
            slot.release()
        assert replay(app) == 2
    assert {grant_id: held(app, grant_id) for grant_id in grants} == {
        grant_id: pair.refresh_token for grant_id, pair in own.items()
    }
