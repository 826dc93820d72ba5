"""Fields that come null, renamed, dropped or written otherwise: nothing that is known is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr
from sqlalchemy import select

from core.accounts.roles import CurrentOperator
from core.alarms.facts import read_facts
from core.alarms.messages import compose
from core.application import Application
from core.exact.answers import code_of, whole
from core.exact.client import ExactClient
from core.exact.errors import ExactError, FailureKind
from core.exact.rows import read_division
from core.keeping.keeper import Keeper
from core.registrations.administrations import read_administrations
from core.registrations.checks import check_now
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.settings import ExactApp, Settings
from core.simulator.config import Numbers
from core.storage.models import Administration, Alarm
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect, consent
from tests.support.worlds import World, world

BAKKER = "info@bakkerbv.example"
FIRST, SECOND, ARCHIVED = 1001001, 1001002, 1001003


@pytest.fixture
def one(tmp_path: Path, database_url: str) -> Iterator[World]:
    with world(tmp_path, database_url, keeper_threads=1) as made:
        made.wait_for(10)
        yield made


@pytest.fixture
def alice(one: World) -> CurrentOperator:
    return make_operator(one.app.database, "Alice")


def administrations(world: World) -> dict[int, Administration]:
    with world.app.database.read() as session:
        return {row.code: row for row in session.scalars(select(Administration))}


def facts(row: Administration) -> tuple[Any, ...]:
    return (
        row.name, row.name_key, row.customer_name, row.country, row.currency, row.vat_number, row.exact_status,
        row.blocking_status, row.permitted, row.linked,
    )  # fmt: skip


def known(world: World) -> dict[int, tuple[Any, ...]]:
    return {code: facts(row) for code, row in administrations(world).items()}


def a_day_later(world: World) -> None:
    world.advance(26 * 3600)
    Keeper(world.app).turn()


EVERY_FIELD = (
    "Description", "CustomerName", "Country", "Currency", "VATNumber", "Status", "BlockingStatus",
    "UserName", "FullName", "Email", "CurrentDivision",
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "fields"),
    [
        *(("null_fields", (field,)) for field in EVERY_FIELD),
        ("null_fields", EVERY_FIELD),
        ("dropped_fields", ("Status",)),
        ("dropped_fields", EVERY_FIELD),
    ],
)
def test_what_exact_does_not_say_overwrites_nothing_that_is_known(
    one: World, alice: CurrentOperator, fields: tuple[str, ...], how: str
) -> None:
    one.engine.set_division("nl", SECOND, status=0)
    number = connect(one.app, alice, one, codes={FIRST, SECOND})
    before, grant = known(one), registration(one.app, alice, number).grant
    assert before[ARCHIVED][6] == 2
    one.engine.configure(**{how: fields})
    a_day_later(one)
    view = registration(one.app, alice, number)
    assert known(one) == before
    assert not view.failing
    assert grant is not None
    assert view.grant is not None
    assert (view.grant.full_name, view.grant.user_name, view.grant.email) == (
        grant.full_name,
        grant.user_name,
        grant.email,
    )
    assert view.status is Status.PARTLY_CONNECTED  # the inactive one, as before


def test_an_archived_one_does_not_become_active_where_the_status_is_null(
    one: World, alice: CurrentOperator
) -> None:
    number = connect(one.app, alice, one, codes={FIRST, SECOND})
    one.engine.set_division("nl", SECOND, status=2)
    a_day_later(one)
    assert registration(one.app, alice, number).status is Status.PARTLY_CONNECTED
    one.engine.configure(null_fields=("Status",))
    a_day_later(one)
    assert administrations(one)[SECOND].exact_status == 2
    assert registration(one.app, alice, number).status is Status.PARTLY_CONNECTED


@pytest.mark.parametrize("value", [None, "", "  ", 7, -1, "x", 1.5, True, [], {}])
def test_a_status_that_is_none_says_nothing(value: object) -> None:
    division = read_division({"Code": 5, "Status": value, "BlockingStatus": 0})
    assert division is not None
    assert division.status is None


def test_a_vat_number_that_exact_says_is_empty_is_empty() -> None:
    for row, number in (
        ({"VATNumber": ""}, ""),
        ({"VATNumber": None}, None),
        ({}, None),
        ({"VATNumber": []}, None),
    ):
        division = read_division({"Code": 5} | row)
        assert division is not None
        assert division.vat_number == number


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (2000001, 2000001), (2000001.0, 2000001), ("2000001", 2000001), (" 2000001 ", 2000001),
        ("2000001.0", 2000001), (2**53 + 1, 2**53 + 1), (str(2**63 - 1), 2**63 - 1), (2**63 - 1, 2**63 - 1),
        (2000001.5, None), ("2000001.5", None), (float("nan"), None), (float("inf"), None), (float("-inf"), None),
        (True, None), (False, None), (None, None), (-1, None), ("-1", None), (-1.0, None), (0, None), ("0", None),
        (0.0, None), (2**63, None), (str(2**63), None), (1e30, None), ("9" * 5000, None), ("1e6", None),
        ("2,000,001", None), ("٢", None), ("", None), (" ", None), ([], None), ({}, None), ("NaN", None),
        ("0x10", None), ("1_000", None), (float(2**60), None),
    ],
)  # fmt: skip
def test_a_code_is_read_or_refused_alike_however_it_is_written(value: object, read: int | None) -> None:
    assert code_of(value) == read
    if value not in (0, "0", 0.0):
        assert whole(value) == read


HOST = "https://start.exactonline.nl/api/v1"
ODD = [
    ("2000001", 2000001), ("2000001.0", 2000001), ('"2000001"', 2000001), ('"2000001.0"', 2000001),
    ("2000001.5", None), ("NaN", None), ("Infinity", None), ("-1", None), ("true", None), ("null", None),
    ("1e400", None), ("9" * 5000, None), ("9" * 50, None), ("0", None), ("[]", None), ("2.000001e6", 2000001),
]  # fmt: skip


@pytest.fixture
def client() -> Iterator[ExactClient]:
    made = ExactClient(Settings(exact={"nl": ExactApp(client_id="id", client_secret=SecretStr("secret"))}))
    yield made
    made.close()


@pytest.mark.parametrize(("written", "read"), ODD)
def test_a_code_is_read_alike_in_me_in_lists_on_later_pages_and_in_a_probe(
    client: ExactClient, written: str, read: int | None
) -> None:
    second = f"{HOST}/1/system/Divisions?$skiptoken=2"
    good = '{"d":{"results":[{"Code":7,"Description":"Zeven"}]%s}}'
    odd = '{"d":{"results":[{"Code":%s},{"Code":8}]}}'.replace("%s", written)
    json = {"content-type": "application/json"}
    with respx.mock(assert_all_called=False) as exact:
        exact.get(url=second).respond(content=odd.encode(), headers=json)
        me = '{"d":{"results":[{"UserID":"u-1","CurrentDivision":%s}]}}'.replace("%s", written)
        exact.get(f"{HOST}/current/Me").respond(content=me.encode(), headers=json)
        assert client.me("nl", "token").current_division == read
        wanted = {8} | ({read} if read else set())
        for resource in ("system/Divisions", "system/AllDivisions"):
            exact.get(f"{HOST}/1/{resource}").respond(content=odd.encode(), headers=json)
            ask = client.divisions if resource == "system/Divisions" else client.user_divisions
            found = ask("nl", "token", 1)
            assert found is not None
            assert ({division.code for division in found}, found.whole) == (wanted, read is not None)
        following = good.replace("%s", f',"__next":"{second}"')
        exact.get(f"{HOST}/1/system/Divisions").respond(content=following.encode(), headers=json)
        assert {division.code for division in client.divisions("nl", "token", 1)} == wanted | {7}
        exact.get(f"{HOST}/2000001/system/Divisions").respond(content=odd.encode(), headers=json)
        if read is None:
            with pytest.raises(ExactError):
                client.probe("nl", "token", 2000001)
        else:
            client.probe("nl", "token", 2000001)


@pytest.mark.parametrize("numbers", Numbers)
def test_a_customer_is_connected_however_exact_writes_its_numbers(
    one: World, alice: CurrentOperator, numbers: Numbers
) -> None:
    one.engine.configure(numbers=numbers, page_rows=1)
    number = connect(one.app, alice, one, codes={FIRST, SECOND})
    a_day_later(one)
    view = registration(one.app, alice, number)
    assert (view.status, len(view.administrations)) == (Status.CONNECTED, 3)
    assert administrations(one)[ARCHIVED].exact_status == 2
    assert one.engine.calls("me")[-1].status == 200


def test_a_row_that_cannot_be_read_makes_nothing_vanish(
    one: World, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = connect(one.app, alice, one, codes={FIRST, SECOND})
    before = known(one)
    real = one.engine.api

    def without_a_code(request: Any) -> Any:
        answer = real(request)
        if "filter" in request.query:
            return answer
        return replace(answer, body=answer.body.replace(f'"Code": {SECOND}'.encode(), b'"Code": NaN'))

    monkeypatch.setattr(one.engine, "api", without_a_code)
    a_day_later(one)
    assert known(one) == before
    assert registration(one.app, alice, number).status is Status.CONNECTED


def test_a_list_of_which_nothing_can_be_read_is_no_empty_list(
    one: World, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = connect(one.app, alice, one, codes={FIRST})
    before = known(one)
    real = one.engine.api
    monkeypatch.setattr(
        one.engine,
        "api",
        lambda request: replace(
            answer := real(request), body=answer.body.replace(b'"Code"', b'"DivisionCode"')
        ),
    )
    a_day_later(one)
    assert known(one) == before
    assert registration(one.app, alice, number).status is Status.EXACT_OUTAGE


# --- A field that Exact drops or renames --------------------------------------------------------------------------


def alarms(world: World) -> list[Alarm]:
    with world.app.database.read() as session:
        query = select(Alarm).where(Alarm.kind == "field_refused").order_by(Alarm.id)
        return list(session.scalars(query))


def refusals(world: World, endpoint: str = "") -> int:
    return sum(call.status == 400 for call in world.engine.calls(endpoint))


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("Could not find a property named '{field}' on type '{type}'.", "VATNumber"),
        ("Kan eigenschap {field} niet vinden", "VATNumber"),
        ("The query specified in the URI is not valid: $select={select}", ""),
        ("Bad Request", ""),
        ("", ""),
    ],
)
def test_a_dropped_field_is_left_out_for_everybody_and_told_once(
    one: World, alice: CurrentOperator, words: str, what: str
) -> None:
    numbers = [
        connect(one.app, alice, one, codes={FIRST}),
        connect(one.app, alice, one, "Bakker B.V.", user=BAKKER),
    ]
    before = known(one)
    one.engine.configure(dropped_fields=("VATNumber",), refusal_of_a_field=words)
    a_day_later(one)
    for number in numbers:
        check_now(one.app, alice, number)
        view = registration(one.app, alice, number)
        assert view.status is Status.CONNECTED
        assert not view.failing
    assert known(one) == before
    # Each list meets it once, whoever asks first.
    assert (refusals(one, "divisions"), refusals(one, "all_divisions"), refusals(one)) == (1, 1, 2)
    [alarm] = alarms(one)
    assert alarm.details["what"] == (f"{what} (system/Divisions)" if what else "system/Divisions")
    with one.app.database.read() as session:
        [news] = read_facts(session, [alarm.id])
    message = compose([news], "nl", "https://c.example")
    assert "kent iets niet meer waar wij om vragen" in message.body
    assert alarm.details["what"] in message.body


def test_it_is_asked_for_again_the_next_day_and_told_no_second_time(
    one: World, alice: CurrentOperator
) -> None:
    number = connect(one.app, alice, one, codes={FIRST})
    one.engine.configure(dropped_fields=("Currency",))
    for day in range(1, 4):
        a_day_later(one)
        assert refusals(one, "divisions") == day
    assert len(alarms(one)) == 1
    one.engine.configure(dropped_fields=())
    a_day_later(one)
    asked = refusals(one)
    check_now(one.app, alice, number)
    assert refusals(one) == asked


def test_a_renamed_field_of_me_stops_nobody(one: World, alice: CurrentOperator) -> None:
    one.engine.configure(dropped_fields=("FullName", "Email"))
    number = connect(one.app, alice, one, codes={FIRST})
    view = registration(one.app, alice, number)
    assert view.status is Status.CONNECTED
    assert view.grant is not None
    assert view.grant.known_as == TEST_USER
    assert [alarm.details["what"] for alarm in alarms(one)] == ["Email, FullName (current/Me)"]


def test_a_refusal_of_everything_else_is_a_failure_as_before(one: World, alice: CurrentOperator) -> None:
    number = connect(one.app, alice, one, codes={FIRST})
    one.advance(700)
    for body in ("Unrecognized 'Edm.Guid' literal 'x'.", "Bad Request"):
        one.engine.add_fault("says", None, endpoint="divisions", status=400, body=body)
        asked = len(one.engine.calls("divisions"))
        with pytest.raises(ExactError) as caught:
            check_now(one.app, alice, number)
        assert caught.value.kind is FailureKind.BAD_REQUEST
        assert len(one.engine.calls("divisions")) - asked == (2 if body == "Bad Request" else 1)
        one.engine.clear_faults()
        one.advance(3700)
    assert alarms(one) == []


def test_where_exact_wants_a_choice_of_fields_the_key_alone_is_asked_for(client: ExactClient) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get("$select", "")
        words = "Bad" if "," in asked else "Please add a $select or a $top=1 statement to the query string."
        if asked != "Code":
            return httpx.Response(400, json={"error": {"code": "", "message": {"lang": "", "value": words}}})
        return httpx.Response(200, json={"d": {"results": [{"Code": 5}]}})

    with respx.mock() as exact:
        exact.get(f"{HOST}/1/system/Divisions").mock(side_effect=answer)
        assert [division.code for division in client.divisions("nl", "token", 1)] == [5]
        assert len(exact.calls) == 3


# --- Names that Exact does not give, and lists that are empty ------------------------------------------------------


def test_a_user_without_names_is_said_to_have_none(one: World, alice: CurrentOperator) -> None:
    one.engine.configure(null_fields=("FullName", "UserName", "Email"))
    number = connect(one.app, alice, one, codes={FIRST})
    view = registration(one.app, alice, number)
    assert view.grant is not None
    assert view.grant.known_as == "name not given"
    assert view.grant.identified
    said = [entry.sentence for entry in timeline(one.app, alice, number)]
    assert "name not given gave consent at Exact Online." in said


def test_an_empty_list_says_why_and_mends_itself(one: World, alice: CurrentOperator) -> None:
    number = registered(one.app, alice)
    consent(one.app, alice, one, number, divisions=[])
    view = registration(one.app, alice, number)
    assert view.status is Status.ATTENTION
    assert "Exact Online shows us no administration" in view.status_sentence
    with pytest.raises(ExactError, match="shows us no administration"):
        read_administrations(one.app, alice, number)
    with pytest.raises(ExactError, match="shows us no administration"):
        check_now(one.app, alice, number)
    one.engine.set_scope("nl", TEST_USER, "all")
    one.advance(5 * 3600)
    Keeper(one.app).turn()
    view = registration(one.app, alice, number)
    assert view.status is Status.CHOOSE_ADMINISTRATIONS
    assert len(view.administrations) == 3


def test_a_user_without_a_current_administration_is_told_of(one: World, alice: CurrentOperator) -> None:
    one.engine.configure(null_fields=("CurrentDivision",))
    number = registered(one.app, alice)
    consent(one.app, alice, one, number)
    view = registration(one.app, alice, number)
    assert view.status is Status.ATTENTION
    assert "has no administration open at Exact Online" in view.status_sentence
    one.engine.configure(null_fields=())
    read_administrations(one.app, alice, number)
    assert len(registration(one.app, alice, number).administrations) == 3


def registered(app: Application, alice: CurrentOperator) -> int:
    return register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
