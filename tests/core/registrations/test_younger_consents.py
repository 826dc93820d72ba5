"""Of two consents of one Exact user the younger is in force, whichever way and whenever each is identified."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from core import clock
from core.application import Application
from core.errors import ClickkerError
from core.exact.client import ExactClient
from core.exact.errors import ExactError, FailureKind
from core.keeping.keeper import Keeper
from core.registrations.decisions import accept_candidate
from core.registrations.outcomes import Outcome
from core.registrations.recovery import identify_strays, recover_chains, replay_journal
from core.registrations.register import disconnect
from core.registrations.takeover import identify_candidate
from core.registrations.timeline import timeline
from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Base
from core.tokens.rotation import access_token
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect
from tests.support.visits import Desk, meanwhile

ACCOUNTANT = "kantoor@vandijk-accountants.example"
BAKKER = "info@bakkerbv.example"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"quiet_hour": -1})


@pytest.fixture
def other(app: Application, tmp_path: Path) -> Iterator[Application]:
    """Another process over the same database, with a journal of its own."""
    settings = app.settings.model_copy(update={"journal_dir": str(tmp_path / "other")})
    database = Database(settings.database_url.get_secret_value())
    made = Application(settings, database, app.vault, ExactClient(settings))
    yield made
    made.exact.close()
    made.journal.close()
    database.dispose()


def late_for(desk: Desk, user: str = TEST_USER, name: str = "Late B.V.") -> int:
    """A registration whose consent is kept while Exact does not say whose it is."""
    number = desk.registered(name)
    desk.me_is_away()
    assert desk.visit(number, user).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    return number


def is_in_force(desk: Desk, number: int, user: str = TEST_USER) -> None:
    """It holds the one living chain, which goes on, and nothing else is kept."""
    assert desk.held(number) == desk.living(user)
    grant_id = desk.row(number).grant_id or ""
    with clock.shifted(15 * MINUTE):
        access_token(desk.app, grant_id)
    assert desk.held(number) == desk.living(user)


def test_a_first_consent_that_is_identified_late_leaves_the_second_alone(desk: Desk) -> None:
    number = late_for(desk)
    assert desk.visit(number).back().outcome is Outcome.GRANTED

    with clock.shifted(4 * MINUTE):
        Keeper(desk.app).turn()

    assert len(desk.grants()) == 1
    assert desk.archived() == {desk.row(number).grant_id}
    is_in_force(desk, number)


def test_a_registration_whose_consent_is_identified_late_hangs_on_the_younger_chain(desk: Desk) -> None:
    late = late_for(desk, ACCOUNTANT)
    early = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])

    with clock.shifted(4 * MINUTE):
        Keeper(desk.app).turn()

    assert desk.row(late).grant_id == desk.row(early).grant_id
    assert desk.row(late).candidate_grant_id is None
    assert desk.row(late).status == "choose_administrations"
    assert len(desk.grants()) == 1
    is_in_force(desk, early, ACCOUNTANT)
    assert recover_chains(desk.app) == 0


def test_a_younger_consent_that_is_identified_late_takes_over_for_all(desk: Desk) -> None:
    first = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])
    second = late_for(desk, ACCOUNTANT)
    with clock.shifted(4 * MINUTE):
        Keeper(desk.app).turn()
    assert desk.row(first).grant_id == desk.row(second).grant_id
    is_in_force(desk, first, ACCOUNTANT)


def test_a_rotation_that_lands_late_does_not_make_a_chain_younger(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the unidentified chain: Exact had rotated it before the second consent, and its answer came after."""
    late = late_for(desk, ACCOUNTANT)
    candidate = desk.row(late).candidate_grant_id or ""
    made: list[int] = []

    def second() -> None:
        made.append(
            connect(desk.app, desk.by, desk.simulator, "Second B.V.", user=ACCOUNTANT, codes=[2001001])
        )

    with clock.shifted(11 * MINUTE):
        meanwhile(monkeypatch, desk.app.exact, "refresh", second, after=True)
        access_token(desk.app, candidate)
        identify_candidate(desk.app, late)
        assert desk.row(late).grant_id == desk.row(made[0]).grant_id
        is_in_force(desk, late, ACCOUNTANT)


def test_nor_one_of_the_chain_in_force(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])
    made: list[int] = []
    with clock.shifted(11 * MINUTE):
        meanwhile(
            monkeypatch,
            desk.app.exact,
            "refresh",
            lambda: made.append(late_for(desk, ACCOUNTANT)),
            after=True,
        )
        access_token(desk.app, desk.row(first).grant_id or "")
        identify_candidate(desk.app, made[0])
        is_in_force(desk, first, ACCOUNTANT)


@pytest.mark.parametrize("then", ["connected", "disconnected"])
def test_a_consent_held_while_exact_says_whose_it_is_does_not_overtake(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """By the callback: and by what is left to the others when its registration was disconnected meanwhile."""
    held, second = desk.registered("Held B.V."), desk.registered("Second B.V.")

    def between() -> None:
        assert desk.visit(second, ACCOUNTANT).back().outcome is Outcome.GRANTED
        if then == "disconnected":
            disconnect(desk.app, desk.by, held)

    visit = desk.visit(held, ACCOUNTANT)
    meanwhile(monkeypatch, desk.app.exact, "me", between, after=True)
    expected = Outcome.GRANTED if then == "connected" else Outcome.WITHDRAWN
    assert visit.back().outcome is expected
    is_in_force(desk, second, ACCOUNTANT)
    assert len(desk.grants()) == 1
    if then == "connected":
        assert desk.row(held).grant_id == desk.row(second).grant_id


@pytest.mark.parametrize("me", ["answers", "fails"])
def test_the_keeper_may_be_quicker_than_the_callback(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    number = desk.registered()

    def keeper() -> None:
        identify_candidate(desk.app, number)
        if me == "fails":
            raise ExactError(FailureKind.OUTAGE)

    visit = desk.visit(number)
    meanwhile(monkeypatch, desk.app.exact, "me", keeper, after=True)
    assert visit.back().outcome is Outcome.GRANTED
    entries = [e for e in timeline(desk.app, desk.by, number) if e.kind == "consent_granted"]
    assert len(entries) == 1
    is_in_force(desk, number)


def test_of_one_registrations_consents_the_later_goes_on_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another login, in another tab: what came first is identified first, and drops nobody."""
    number = desk.registered()
    bob = Desk(desk.app, make_operator(desk.app.database, "Bob"), desk.simulator)
    first, second = desk.visit(number, BAKKER), bob.visit(number, ACCOUNTANT)

    def between() -> None:
        desk.me_is_away()
        assert second.back().outcome is Outcome.UNIDENTIFIED
        desk.me_is_back()

    meanwhile(monkeypatch, desk.app.exact, "me", between, after=True)
    assert first.back().outcome is Outcome.GRANTED
    with clock.shifted(4 * MINUTE):
        Keeper(desk.app).turn()
    assert desk.held(number) == desk.living(BAKKER)
    assert desk.row(number).candidate_grant_id is not None
    accept_candidate(desk.app, desk.by, number)
    is_in_force(desk, number, ACCOUNTANT)


def test_a_clock_that_was_set_back_in_between_changes_nothing(desk: Desk) -> None:
    with clock.shifted(20 * MINUTE):
        late = late_for(desk, ACCOUNTANT)
    with clock.shifted(15 * MINUTE):
        second = connect(desk.app, desk.by, desk.simulator, "Second B.V.", user=ACCOUNTANT, codes=[2001001])
    with clock.shifted(21 * MINUTE):
        identify_candidate(desk.app, late)
        is_in_force(desk, second, ACCOUNTANT)


@pytest.mark.parametrize("order", ["late first", "late last"])
def test_of_two_at_the_same_moment_the_order_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    if order == "late first":
        late = late_for(desk, ACCOUNTANT)
    second = desk.registered("Second B.V.")
    assert desk.visit(second, ACCOUNTANT).back().outcome is Outcome.GRANTED
    if order == "late last":
        late = late_for(desk, ACCOUNTANT)
    identify_candidate(desk.app, late)
    assert desk.held(late) == desk.held(second) == desk.living(ACCOUNTANT)


def test_a_consent_that_is_not_identified_cannot_be_accepted(desk: Desk) -> None:
    """A form that was opened when another consent waited."""
    number = connect(desk.app, desk.by, desk.simulator, user=BAKKER)
    desk.me_is_away()
    assert desk.visit(number, ACCOUNTANT).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    with pytest.raises(ClickkerError):
        accept_candidate(desk.app, desk.by, number)
    is_in_force(desk, number, BAKKER)


# --- After a restored backup -----------------------------------------------------------------------------


def saved(database: Database) -> Callable[[], None]:
    """Remembers every table; calling it puts that back."""
    tables = [table for table in Base.metadata.sorted_tables if not table.name.startswith("audit_")]
    with database.read() as session:
        rows = {table: [dict(row) for row in session.execute(select(table)).mappings()] for table in tables}

    def restore() -> None:
        with database.transaction() as session:
            for table in reversed(tables):
                session.execute(delete(table))
            for table in tables:
                if rows[table]:
                    session.execute(insert(table), rows[table])

    return restore


@pytest.mark.parametrize("before", ["kept", "identified"])
def test_after_a_restored_backup_the_younger_consent_is_in_force(desk: Desk, before: str) -> None:
    late, second = desk.registered("Late B.V."), desk.registered("Second B.V.")
    restore = saved(desk.app.database)
    desk.me_is_away()
    assert desk.visit(late, ACCOUNTANT).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    assert desk.visit(second, ACCOUNTANT).back().outcome is Outcome.GRANTED
    if before == "identified":
        identify_candidate(desk.app, late)

    restore()
    replay_journal(desk.app)
    recover_chains(desk.app)
    with clock.shifted(4 * MINUTE):
        for number in (second, late):
            identify_candidate(desk.app, number)
        Keeper(desk.app).turn()

    is_in_force(desk, second, ACCOUNTANT)
    assert recover_chains(desk.app) == 0


def test_a_consent_that_took_over_is_known_as_younger_after_a_restored_backup(desk: Desk) -> None:
    """The row of before the backup's end has the moment of its first chain: the archive knows the second's."""
    first = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])
    restore = saved(desk.app.database)
    late = late_for(desk, ACCOUNTANT)  # between the two consents of the first
    assert desk.visit(first, ACCOUNTANT).back().outcome is Outcome.GRANTED
    del late
    restore()
    recover_chains(desk.app)
    with clock.shifted(4 * MINUTE):
        Keeper(desk.app).turn()
        identify_strays(desk.app)
    is_in_force(desk, first, ACCOUNTANT)


# --- Two processes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_two_processes_that_identify_at_once_leave_the_younger_in_force(
    desk: Desk, other: Application, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        connect(desk.app, desk.by, desk.simulator, "Known B.V.", user=ACCOUNTANT, codes=[2001003])
    first, second = late_for(desk, ACCOUNTANT, "First B.V."), late_for(desk, ACCOUNTANT, "Second B.V.")
    gate = threading.Barrier(2, timeout=20)
    for process in (desk.app, other):
        meanwhile(monkeypatch, process.exact, "me", gate.wait, after=True)

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(identify_candidate, app, n) for app, n in ((other, first), (desk.app, second))]
        for job in jobs:
            job.result(30)

    assert desk.row(first).grant_id == desk.row(second).grant_id
    assert desk.held(first) == desk.living(ACCOUNTANT)
    assert len(desk.grants()) == 1
    for process in (other, desk.app):
        assert recover_chains(process) == 0
    is_in_force(desk, first, ACCOUNTANT)


def overlapping(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Exact takes the first code first, but its answer comes last: by our books it would be the younger."""
    slow, quick = desk.registered("Slow B.V."), desk.registered("Quick B.V.")
    visit = desk.visit(slow, ACCOUNTANT)
    answers = desk.visit(quick, ACCOUNTANT)
    meanwhile(monkeypatch, desk.app.exact, "exchange", answers.back, after=True)
    assert visit.back().outcome is Outcome.GRANTED
    return slow, quick


def test_consents_that_overlap_at_exact_are_decided_by_exact(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = overlapping(desk, monkeypatch)
    with clock.shifted(11 * MINUTE):
        Keeper(desk.app).turn()
        assert desk.held(quick) == desk.held(slow) == desk.living(ACCOUNTANT)
    with clock.shifted(25 * MINUTE):
        Keeper(desk.app).turn()
        assert desk.held(quick) == desk.living(ACCOUNTANT)
        assert len(desk.grants()) == 1


def test_what_was_set_aside_goes_when_its_customers_are_disconnected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in overlapping(desk, monkeypatch):
        assert desk.grants() != []
        disconnect(desk.app, desk.by, number)
    assert desk.grants() == []
    assert desk.archived() == set()
