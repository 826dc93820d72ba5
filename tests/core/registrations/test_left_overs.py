"""Nothing of an old life shows as present trouble, names are followed, and what is paused is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import clock
from core.accounts.operators import rename
from core.accounts.roles import CurrentOperator, Role
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.keeping.keeper import Keeper
from core.registrations.administrations import save_administrations
from core.registrations.listing import RegistrationQuery, list_registrations
from core.registrations.register import disconnect, set_active
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.simulator.server import RunningSimulator
from core.storage.models import Administration, Alarm, AuditEntry, Grant, Issue, Registration
from tests.factories import make_administration, make_connected, make_operator
from tests.support.connecting import connect, consent
from tests.support.recount import differences

DAY = timedelta(days=1)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice", Role.ADMIN)


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    """Never in the quiet hour, whenever the tests run."""
    now = clock.now()
    with clock.shifted(now.replace(hour=11, minute=0, second=0, microsecond=0) + DAY - now):
        yield


def row(app: Application, number: int) -> Registration:
    with app.database.read() as session:
        return session.get_one(Registration, number)


def trouble(app: Application, number: int) -> None:
    """As a check that was refused leaves it, for the whole and in each administration."""
    at, kind = clock.now(), {"last_failure_kind": "forbidden", "last_failure_message": "No"}
    with app.database.transaction() as session:
        mine = Administration.registration_id == number
        session.execute(update(Administration).where(mine).values(last_failure_at=at, **kind))
        whole = update(Registration).where(Registration.id == number)
        session.execute(whole.values(last_failure_at=at, last_checked_at=at, status_until=at, **kind))
    Keeper(app).turn()


def failures(app: Application, number: int) -> list[tuple[object, ...]]:
    one, many = Registration, Administration
    with app.database.read() as session:
        whole = select(one.last_failure_at, one.last_failure_kind, one.last_failure_message)
        each = select(many.last_failure_at, many.last_failure_kind, many.last_failure_message)
        found = [
            *session.execute(whole.where(one.id == number)),
            *session.execute(each.where(many.registration_id == number)),
        ]
        return [tuple(each_one) for each_one in found]


def test_nothing_of_the_life_before_shows_after_disconnecting_and_connecting_anew(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001, 1001002})
    trouble(app, number)
    assert row(app, number).status == Status.ATTENTION
    disconnect(app, alice, number)
    assert set(failures(app, number)) == {(None, None, None)}
    assert row(app, number).next_check_at is None
    consent(app, alice, simulator, number)
    save_administrations(app, alice, number, {1001001, 1001002})
    found = registration(app, alice, number)
    assert found.status is Status.CONNECTED
    assert (found.last_failure_at, found.last_failure_kind, found.last_failure_message) == (None, None, None)
    assert set(failures(app, number)) == {(None, None, None)}


def test_a_new_consent_takes_old_failures_away_and_is_checked_soon(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001, 1001002})
    trouble(app, number)
    with app.database.transaction() as session:
        session.execute(update(Registration).values(next_check_at=clock.now() + DAY))
    consent(app, alice, simulator, number)
    assert row(app, number).status == Status.CONNECTED
    assert set(failures(app, number)) == {(None, None, None)}
    due = row(app, number).next_check_at
    assert due is not None
    assert due <= clock.now() + timedelta(minutes=5)


def test_an_administration_unlinked_and_linked_anew_begins_anew(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001, 1001002})
    at = clock.now()
    with app.database.transaction() as session:
        failed = {"last_failure_at": at, "last_failure_kind": "forbidden", "last_failure_message": "No"}
        session.execute(update(Administration).where(Administration.code == 1001002).values(**failed))
    save_administrations(app, alice, number, {1001001})
    save_administrations(app, alice, number, {1001001, 1001002})
    assert set(failures(app, number)) == {(None, None, None)}
    assert row(app, number).status == Status.CONNECTED


def test_who_shares_the_login_is_green_again_at_once_and_checked_soon(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    other = connect(app, alice, simulator, "Nog een", codes={1001002})
    refused = {
        "last_failure_kind": "refused",
        "last_failure_at": clock.now(),
        "last_success_at": clock.now() - DAY,
    }
    with app.database.transaction() as session:
        dead = {"refusals": 3, "refused_since": clock.now() - timedelta(hours=3)}
        session.execute(update(Grant).values(**refused, **dead))
        later = {"next_check_at": clock.now() + DAY, "status_until": clock.now()}
        session.execute(update(Registration).values(**refused, **later))
    Keeper(app).turn()
    assert {row(app, one).status for one in (number, other)} == {Status.RECONNECT_NEEDED}
    consent(app, alice, simulator, number)
    assert {row(app, one).status for one in (number, other)} == {Status.CONNECTED}
    due = row(app, other).next_check_at
    assert due is not None
    assert due <= clock.now() + timedelta(minutes=5)


# --- Names ---


def test_a_new_name_of_the_owner_is_followed_by_all_that_copies_it(
    app: Application, alice: CurrentOperator
) -> None:
    zoe = make_operator(app.database, "Zoe")
    mine = make_connected(app.database, "Mine", owner_id=zoe.id, administrations=2)
    paused = make_connected(app.database, "Paused", owner_id=zoe.id, active=False)
    make_connected(app.database, "Theirs", owner_id=alice.id)
    rename(app, alice, zoe.id, "Aaron")
    Keeper(app).turn()
    assert {row(app, number).owner_key for number in (mine, paused)} == {"aaron"}
    listed = list_registrations(app, alice, RegistrationQuery(sort="owner")).rows
    assert [one.name for one in listed] == ["Mine", "Paused", "Theirs"]
    assert not [
        said
        for said in differences(app.database, app.settings, clock.now())
        if "owner" in said or "repeats" in said
    ]


# --- Paused ---


def alarms(app: Application, number: int) -> list[str]:
    with app.database.read() as session:
        query = select(Alarm.kind).where(Alarm.registration_id == number).order_by(Alarm.id)
        return list(session.scalars(query))


def open_issues(app: Application, number: int) -> list[str]:
    with app.database.read() as session:
        query = select(Issue.kind).where(Issue.registration_id == number, Issue.resolved_at.is_(None))
        return sorted(session.scalars(query))


def paused_one(app: Application, alice: CurrentOperator) -> int:
    number = make_connected(app.database)
    set_active(app, alice, number, False)
    return number


def test_a_paused_consent_that_is_about_to_lapse_and_lapses_is_told(
    app: Application, alice: CurrentOperator
) -> None:
    number = paused_one(app, alice)
    for days in (17, 24, 28):
        with clock.shifted(timedelta(days=days)):
            Keeper(app).turn()
            assert open_issues(app, number) == ["lapses_soon"]
            assert row(app, number).status == Status.PAUSED
    with clock.shifted(timedelta(days=31)):
        Keeper(app).turn()
        assert open_issues(app, number) == ["lapsed"]
        found = registration(app, alice, number)
        assert found.status is Status.PAUSED
        assert "new consent" in found.status_sentence
        assert timeline(app, alice, number)[0].kind == "reason"
        assert differences(app.database, app.settings, clock.now()) == []
        Keeper(app).turn()
    assert alarms(app, number) == ["lapses_soon"] * 3 + ["reconnect_needed"]


def test_a_paused_consent_that_is_refused_for_good_is_told_once(
    app: Application, alice: CurrentOperator
) -> None:
    number = paused_one(app, alice)
    refuse(app, number)
    Keeper(app).turn()
    assert open_issues(app, number) == ["refused"]
    assert "new consent" in registration(app, alice, number).status_sentence
    assert differences(app.database, app.settings, clock.now()) == []
    set_active(app, alice, number, True)
    assert row(app, number).status == Status.RECONNECT_NEEDED
    set_active(app, alice, number, False)
    assert alarms(app, number) == ["reconnect_needed"]


def refuse(app: Application, number: int) -> None:
    now = clock.now()
    dead = {"refusals": 3, "refused_since": now - timedelta(hours=3), "last_failure_kind": "refused"}
    with app.database.transaction() as session:
        grant_id = session.get_one(Registration, number).grant_id
        whole = update(Grant).where(Grant.id == grant_id)
        session.execute(whole.values(last_failure_at=now, last_success_at=now - DAY, **dead))
        session.execute(update(Registration).where(Registration.id == number).values(status_until=now))


def test_a_paused_one_whose_login_works_again_is_told_well(app: Application, alice: CurrentOperator) -> None:
    number = paused_one(app, alice)
    refuse(app, number)
    Keeper(app).turn()
    with app.database.transaction() as session:
        mended = {
            "refusals": 0,
            "refused_since": None,
            "last_success_at": clock.now(),
            "rotated_at": clock.now(),
        }
        session.execute(update(Grant).values(**mended))
        session.execute(update(Registration).values(status_until=clock.now()))
    Keeper(app).turn()
    assert open_issues(app, number) == []
    assert row(app, number).status_reason == "paused"
    assert alarms(app, number) == [AlarmKind.RECONNECT_NEEDED.value, AlarmKind.RECOVERED.value]
    Keeper(app).turn()
    assert len(alarms(app, number)) == 2


# --- The audit log ---


def test_a_large_change_is_in_the_audit_log_whole(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database, administrations=0)
    codes = [make_administration(app.database, number, linked=False, code=10_000_000 + n) for n in range(150)]
    save_administrations(app, alice, number, codes)
    save_administrations(app, alice, number, codes[:1])
    with app.database.read() as session:
        query = select(AuditEntry.detail).where(AuditEntry.event == "administrations.linked")
        details = list(session.scalars(query.order_by(AuditEntry.sequence)))
    words = " ".join(details).split()
    assert [int(word[1:]) for word in words if word.startswith("+") and len(word) > 5] == codes
    assert [int(word[1:]) for word in words if word.startswith("-") and len(word) > 5] == codes[1:]
    assert max(map(len, details)) <= 500
    assert "…" not in "".join(details)
