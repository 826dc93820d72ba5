"""A list that is longer than a minute's budget is read on in the next minute, and never taken for the whole before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.roles import CurrentOperator
from core.exact.errors import ExactError, FailureKind
from core.keeping.housekeeping import tidy
from core.keeping.keeper import Keeper
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.budget import only_waits
from core.registrations.checks import check, check_now
from core.registrations.decisions import compare_candidate
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import CLICKKER, timeline
from core.registrations.views import RegistrationForm, RegistrationView
from core.simulator.answers import Answer
from core.simulator.api import ApiRequest
from core.simulator.data import Directory, Division, User, vat_number
from core.storage.models import Administration, Registration
from core.storage.models_keeping import ReadPage
from tests.factories import make_operator
from tests.support.connecting import consent
from tests.support.interleaving import another_process
from tests.support.worlds import World, world

OFFICE = "office@accountant.example"
FIRST = 2_000_001
ALL, A_PAGE, PAGES, A_MINUTE = 32, 2, 16, 12


def accountant(administrations: int) -> Directory:
    divisions = tuple(
        Division("nl", code, f"Klant {code} B.V.", f"Klant {code}", code, "Urk", vat_number("nl", code))
        for code in range(FIRST, FIRST + administrations)
    )
    codes = tuple(division.code for division in divisions)
    return Directory((User("nl", OFFICE, "Anneke van Dijk", codes, FIRST),), divisions)


class Office:
    """One accountant, registered, who has given consent."""

    def __init__(self, world: World) -> None:
        self.world, self.app = world, world.app
        self.alice: CurrentOperator = make_operator(world.app.database, "Alice")
        self.number = register(
            world.app, self.alice, None, RegistrationForm(name="Van Dijk", environment="nl")
        )

    def consent(self) -> None:
        consent(self.app, self.alice, self.world, self.number, user=OFFICE)

    @property
    def view(self) -> RegistrationView:
        return registration(self.app, self.alice, self.number)

    def turn(self) -> None:
        """The next minute, in which whatever keeper there is has a turn."""
        self.world.advance(61 - self.world.now().second)
        Keeper(self.app).turn()

    def turns_until_whole(self, most: int = 12) -> int:
        for turn in range(most):
            if self.pages() == 0 and self.view.administrations and turn:
                return turn
            self.turn()
        raise AssertionError("the list is never whole")

    def pages(self) -> int:
        with self.app.database.read() as session:
            return session.scalar(select(func.count()).select_from(ReadPage)) or 0

    def rows(self) -> dict[int, Administration]:
        with self.app.database.read() as session:
            return {row.code: row for row in session.scalars(select(Administration))}

    def calls(self, endpoint: str = "divisions") -> int:
        return len(self.world.engine.calls(endpoint))

    def statuses(self) -> set[int]:
        return {call.status for call in self.world.engine.calls()}


@contextmanager
def slow_time(world: World) -> Iterator[None]:
    """A thousandth of real time, from the beginning of a minute: on a slow machine too, a minute is sixty calls."""
    base, began = datetime.now(UTC).replace(second=1), monotonic()

    def now() -> datetime:
        return base + clock._offset + timedelta(milliseconds=monotonic() - began)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", now)
        patch.setattr(world.engine.clock, "_source", now)
        yield


@contextmanager
def office_of(
    folder: Path, url: str, administrations: int, page_rows: int = 60, calls: int = 60
) -> Iterator[Office]:
    directory = accountant(administrations)
    with world(folder, url, directory, calls_per_minute=calls) as made, slow_time(made):
        made.wait_for(10)
        made.engine.configure(page_rows=page_rows, calls_per_minute=calls)
        yield Office(made)


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """More pages than calls a minute."""
    with office_of(tmp_path, database_url, ALL, A_PAGE, A_MINUTE) as made:
        yield made


@pytest.mark.parametrize("administrations", [3_700])
def test_an_accountant_s_list_is_read_to_its_end_in_the_minutes_that_it_takes(
    tmp_path: Path, database_url: str, administrations: int
) -> None:
    with office_of(tmp_path, database_url, administrations) as office:
        office.consent()
        reading = office.view.reading
        assert reading is not None
        assert 3_000 < reading.count < administrations
        assert office.view.administrations == ()
        office.turns_until_whole()
        assert len(office.view.administrations) == administrations
        assert office.view.reading is None
        # 62 pages of what is permitted and as many of what the user sees, each asked for once; then nothing is left.
        assert office.calls() == office.calls("all_divisions") == 62
        assert office.statuses() == {200}
        assert "Exact Online showed 3700 administrations." in sentences(office)


def sentences(office: Office) -> list[str]:
    return [entry.sentence for entry in timeline(office.app, office.alice, office.number)]


def test_how_far_it_is_and_when_it_goes_on_is_shown(office: Office) -> None:
    office.consent()
    reading = office.view.reading
    assert reading is not None
    assert reading.count % A_PAGE == 0
    assert 20 <= reading.count <= 2 * A_MINUTE
    assert reading.goes_on_at is not None
    assert 0 < (reading.goes_on_at - office.world.now()).total_seconds() <= 60
    assert office.view.last_failure_kind is None


def test_a_restart_goes_on_at_the_place(office: Office) -> None:
    office.consent()
    asked = office.calls()
    with another_process(office.app) as other:
        office.world.advance(61 - office.world.now().second)
        Keeper(other).turn()
    assert len(office.view.administrations) == ALL
    assert office.calls() == PAGES > asked


def test_pages_are_kept_though_the_process_ends_between_two(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(BaseException):
        pass

    real, asked = office.world.engine.api, [0]

    def end_at_thirty(request: ApiRequest) -> Answer:
        asked[0] += "system/Divisions" in request.path
        if asked[0] == 9:
            raise Ended
        return real(request)

    monkeypatch.setattr(office.world.engine, "api", end_at_thirty)
    with pytest.raises(Ended):
        office.consent()
    monkeypatch.undo()
    assert office.pages() == 8
    office.world.advance(180)
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert office.calls() == PAGES


def test_no_secret_and_no_host_is_in_what_is_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real = office.world.engine.api

    def with_a_token(request: ApiRequest) -> Answer:
        answer = real(request)
        body = answer.body.replace(b"$skiptoken=", b"access_token=canary-secret&code=canary-code&$skiptoken=")
        return Answer(answer.status, body, answer.headers)

    monkeypatch.setattr(office.world.engine, "api", with_a_token)
    office.consent()
    with office.app.database.read() as session:
        kept = list(session.scalars(select(ReadPage.following)))
    assert len(kept) > 8
    assert not [place for place in kept if "canary" in place or "://" in place or "token=c" in place]
    assert all("$skiptoken=2000" in place for place in kept)
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL


def linked(office: Office, *codes: int) -> None:
    office.consent()
    office.turns_until_whole()
    save_administrations(office.app, office.alice, office.number, codes)


def test_what_stands_on_a_page_that_was_not_read_yet_has_not_vanished(office: Office) -> None:
    last = FIRST + ALL - 1
    linked(office, FIRST, last)
    before = {code: (row.permitted, row.user_sees) for code, row in office.rows().items()}
    office.world.advance(26 * 3600)
    Keeper(office.app).turn()
    assert office.pages() > 0
    with pytest.raises(ExactError):
        check_now(office.app, office.alice, office.number)
    assert office.view.status is Status.CONNECTED
    assert {code: (row.permitted, row.user_sees) for code, row in office.rows().items()} == before
    office.turns_until_whole()
    assert office.view.status is Status.CONNECTED
    assert {code: (row.permitted, row.user_sees) for code, row in office.rows().items()} == before


def test_what_is_not_permitted_any_more_is_known_once_the_list_is_whole(office: Office) -> None:
    last = FIRST + ALL - 1
    linked(office, FIRST, last)
    office.world.engine.set_scope("nl", OFFICE, range(FIRST, last))
    office.world.advance(26 * 3600)
    office.turns_until_whole()
    assert not office.rows()[last].permitted
    assert office.rows()[last].user_sees
    assert office.view.status is Status.PARTLY_CONNECTED


def test_whoever_asks_meanwhile_is_told_how_far_it_is(office: Office) -> None:
    office.consent()
    asked = office.calls()
    with pytest.raises(ExactError, match=r"^2\d administrations read, going on at \d\d:\d\d\.$") as caught:
        read_administrations(office.app, office.alice, office.number)
    assert caught.value.kind is FailureKind.RATE_LIMITED
    assert office.calls() == asked
    assert office.view.last_failure_kind is None
    office.world.advance(61)
    read_administrations(office.app, office.alice, office.number)
    assert office.calls() == PAGES


def test_reading_it_again_by_hand_begins_at_the_first_page_once_it_is_whole(office: Office) -> None:
    office.consent()
    office.turn()
    assert len(office.view.administrations) == ALL
    assert office.pages() > 0  # what the user sees is still being read
    office.world.engine.set_division("nl", FIRST, name="Nieuwe naam B.V.")
    office.world.advance(61)
    with pytest.raises(ExactError):
        read_administrations(office.app, office.alice, office.number)
    office.turns_until_whole()
    assert office.rows()[FIRST].name == "Nieuwe naam B.V."


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_place_that_exact_refuses_is_left_and_the_list_begun_anew(office: Office, status: int) -> None:
    office.consent()
    kept = office.pages()
    office.world.engine.add_fault("custom", 1, endpoint="divisions", status=status, body="{}")
    office.turn()
    assert office.view.last_failure_kind is None
    assert 0 < office.pages() < A_MINUTE
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert office.calls() == kept + 1 + PAGES


def test_a_place_that_is_too_old_is_left_and_the_list_begun_anew(office: Office) -> None:
    office.consent()
    kept = office.pages()
    office.world.advance(25 * 3600)
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert office.calls() == kept + PAGES
    tidy(office.app)
    office.world.advance(25 * 3600)
    tidy(office.app)
    assert office.pages() == 0


def test_a_new_consent_begins_the_list_anew(office: Office) -> None:
    office.consent()
    office.world.engine.set_scope("nl", OFFICE, range(FIRST, FIRST + 20))
    office.world.advance(700)
    office.consent()
    office.turns_until_whole()
    assert {row.code for row in office.view.administrations if row.permitted} == set(
        range(FIRST, FIRST + ALL)
    )
    assert office.statuses() == {200}


@pytest.mark.parametrize("fault", ["unavailable", "drop", "rate_limited"])
def test_trouble_in_the_middle_loses_no_page(office: Office, fault: str) -> None:
    office.consent()
    kept = office.pages()
    office.world.engine.add_fault(fault, 1, endpoint="divisions")
    office.turn()
    assert office.pages() == kept
    office.world.advance(900)
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert office.calls() == PAGES + 1
    assert office.view.last_failure_kind is None or not office.view.failing


def test_a_list_of_one_page_is_kept_nowhere(tmp_path: Path, database_url: str) -> None:
    with office_of(tmp_path, database_url, 60) as office:
        office.consent()
        assert office.pages() == 0
        assert len(office.view.administrations) == 60


def test_a_keeper_that_is_asked_to_stop_leaves_the_rest_for_later(office: Office) -> None:
    office.consent()
    kept, asked = office.pages(), office.calls()
    office.world.advance(61)
    error = check(office.app, office.number, CLICKKER, hurry=lambda: True)
    assert error is not None
    assert only_waits(error)
    assert (office.pages(), office.calls()) == (kept + 1, asked + 1)
    assert office.view.last_failure_kind is None
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL


def test_pages_of_another_version_of_the_program_are_read_anew(office: Office) -> None:
    office.consent()
    with office.app.database.transaction() as session:
        session.scalars(select(ReadPage).where(ReadPage.number == 0)).one().rows = [
            [FIRST, "a", "field", "less"]
        ]
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL


def test_a_place_at_another_exact_is_left(office: Office) -> None:
    """The host is what the settings say; a path that is none of the API's is refused before anything is sent."""
    office.consent()
    with office.app.database.transaction() as session:
        last = session.scalars(select(ReadPage).order_by(ReadPage.number.desc()).limit(1)).one()
        last.following = "https://evil.example/api/v1/1/system/Divisions?$skiptoken=1"
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert office.statuses() == {200}


def test_two_keepers_at_one_list_ask_for_each_page_once_or_leave_it_to_the_other(office: Office) -> None:
    office.consent()
    office.world.advance(61)
    real, met = office.world.engine.api, [False]

    def both(request: ApiRequest) -> Answer:
        if "system/Divisions" in request.path and not met[0]:
            met[0] = True
            office.world.engine.api = real  # type: ignore[method-assign]
            with another_process(office.app) as other, pytest.raises(ExactError):
                for _twice in range(2):  # the second time it is held back, or the list is whole
                    read_administrations(other, office.alice, office.number)
        return real(request)

    office.world.engine.api = both  # type: ignore[method-assign]
    with pytest.raises(ExactError):
        read_administrations(office.app, office.alice, office.number)
    office.turns_until_whole()
    assert len(office.view.administrations) == ALL
    assert {row.code for row in office.rows().values() if row.permitted} == set(range(FIRST, FIRST + ALL))


def test_another_login_is_compared_once_its_list_is_whole(office: Office) -> None:
    linked(office, FIRST)
    other = User("nl", "other@accountant.example", "Otto", tuple(range(FIRST, FIRST + ALL)), FIRST)
    context = office.world.engine._context
    context.directory = Directory((*context.directory.users, other), context.directory.divisions)
    begin = office.calls()
    office.world.advance(120)
    with pytest.raises(AssertionError):
        consent(office.app, office.alice, office.world, office.number, user=other.name)
    office.world.advance(120)
    with pytest.raises(ExactError, match="administrations read, going on at"):
        compare_candidate(office.app, office.alice, office.number)
    office.world.advance(120)
    assert len(compare_candidate(office.app, office.alice, office.number).new) == ALL - 1
    assert office.calls() - begin == PAGES


def test_a_paused_one_goes_on_by_hand_and_says_so(office: Office) -> None:
    office.consent()
    with office.app.database.transaction() as session:
        row = session.get_one(Registration, office.number)
        row.active = False
        row.next_check_at = None
    reading = office.view.reading
    assert reading is not None
    assert reading.goes_on_at is None
