"""Me, divisions and accounts: shapes, scope and limits."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from core.simulator.config import SecondConsent
from core.simulator.engine import Engine
from tests.core.simulator.conftest import ACCOUNTANT, START, TEST_BV, Caller

BAKKER = "info@bakkerbv.example"


def error_text(body: bytes) -> str:
    value: str = json.loads(body)["error"]["message"]["value"]
    return value


def test_me_is_one_row_in_a_list_with_every_field(caller: Caller) -> None:
    document = json.loads(caller.connect().get("current/Me").body)
    (me,) = document["d"]["results"]
    assert len(me) == 39 + 1
    assert me["CurrentDivision"] == 1001001 and me["Legislation"] == "1" and me["ThumbnailPicture"] is None
    assert me["__metadata"]["uri"] == f"http://127.0.0.1/nl/api/v1/current/Me(guid'{me['UserID']}')"
    assert me["ServerTime"] == f"/Date({int(START.timestamp() * 1000)})/"


def test_select_leaves_the_other_fields_out(caller: Caller) -> None:
    (me,) = caller.connect().rows("current/Me", "$select=CurrentDivision,Email")
    assert set(me) == {"__metadata", "CurrentDivision", "Email"}


def test_me_may_be_a_bare_list(engine: Engine, caller: Caller) -> None:
    engine.configure(me_as_bare_list=True)
    assert isinstance(json.loads(caller.connect().get("current/Me").body)["d"], list)


def test_divisions_have_all_62_fields_and_nulls(caller: Caller) -> None:
    rows = caller.connect().rows("1001001/system/Divisions")
    assert [len(row) for row in rows] == [62 + 1] * 3
    assert rows[0]["Hid"] and "HID" not in rows[0] and rows[0]["DivisionMoveDate"] is None
    assert [row["Status"] for row in rows] == [1, 1, 2]


def test_hrm_divisions_differ_and_stay_within_the_licence(caller: Caller) -> None:
    rows = caller.connect(ACCOUNTANT).rows("2000001/hrm/Divisions")
    assert len(rows) == 3 < len(caller.rows("2000001/system/Divisions"))
    assert rows[0]["Main"] is True and rows[0]["Status"] == 0 and "IsMainDivision" not in rows[0]
    assert caller.get("2000001/system/Divisions", "$select=Main").status == 400


def test_more_than_sixty_rows_come_in_pages(caller: Caller) -> None:
    caller.connect(ACCOUNTANT)
    first = json.loads(caller.get("2000001/system/Divisions", "$select=Code,Description").body)["d"]
    assert len(first["results"]) == 60
    link = first["__next"]
    base = "http://127.0.0.1/nl/api/v1/2000001/system/Divisions?"
    assert link == f"{base}$select=Code,Description&$skiptoken={first['results'][-1]['Code']}"
    last = json.loads(caller.get("2000001/system/Divisions", link.partition("?")[2]).body)["d"]
    assert set(last) == {"results"}
    codes = [row["Code"] for row in first["results"] + last["results"]]
    assert len(codes) == len(set(codes)) == 72


def test_top_makes_a_bare_array_and_inlinecount_an_object(caller: Caller) -> None:
    caller.connect(ACCOUNTANT)
    assert isinstance(json.loads(caller.get("1/system/Divisions", "$top=5").body)["d"], list)
    counted = json.loads(caller.get("1/system/Divisions", "$top=5&$inlinecount=allpages").body)["d"]
    assert counted["__count"] == "72" and len(counted["results"]) == 5


def test_filter_and_key_find_one_division(caller: Caller) -> None:
    caller.connect()
    (row,) = caller.rows("1/system/Divisions", "$filter=Code%20eq%201001002")
    assert row["Description"] == "Test Webshop B.V."
    one = json.loads(caller.get("1/system/Divisions(1001002)").body)["d"]
    assert one["Code"] == 1001002
    assert caller.get("1/system/Divisions(77)").status == 404
    assert caller.get("1/system/Divisions(1001002)", "$select=Nonsense").status == 400


@pytest.mark.parametrize(
    "query",
    ["$select=Nonsense", "$filter=Code gt 1", "$filter=Code eq x", "$top=a", "$skip=5", "$filter=No eq 1"],
)
def test_a_query_that_cannot_be_served_is_a_400_in_exacts_envelope(caller: Caller, query: str) -> None:
    answer = caller.connect().get("1/system/Divisions", query)
    assert answer.status == 400
    assert answer.body.startswith(b'{\r\n"error": {\r\n"code": "", "message": {\r\n"lang": "", "value": ')


def test_accounts_want_a_select_or_top_one(caller: Caller) -> None:
    caller.connect()
    refused = caller.get("1001001/crm/Accounts")
    assert error_text(refused.body) == "Please add a $select or a $top=1 statement to the query string."
    (row,) = caller.rows("1001001/crm/Accounts", "$top=1")
    assert row["Country"] == "NL " and row["Code"] == f"{int(row['Code']):>18}"
    assert caller.rows("1001001/crm/Accounts", "$select=ID&$filter=Name+eq+'DOES_NOT_EXIST'") == []


def test_without_a_json_accept_it_is_an_atom_feed(caller: Caller) -> None:
    answer = caller.connect().get("current/Me", "$select=Email,Title", accept="*/*")
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.body)  # noqa: S314 - our own
    data = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
    assert [e.text for e in root.iter(f"{data}Email")] == [TEST_BV]
    assert [e.attrib.popitem()[1] for e in root.iter(f"{data}Title")] == ["true"]


def test_an_access_token_dies_after_600_seconds(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.advance(599)
    assert caller.get("current/Me").status == 200
    engine.advance(1)
    assert caller.get("current/Me").status == 401


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic {token}"])
def test_it_wants_a_bearer_token(caller: Caller, header: str) -> None:
    caller.connect()
    assert caller.get("current/Me", authorization=header.format(token=caller.access)).status == 401


def test_a_token_is_no_good_in_another_country(engine: Engine, caller: Caller) -> None:
    from core.simulator.api import ApiRequest

    caller.connect()
    request = ApiRequest("be", "http://127.0.0.1/be", "current/Me", authorization=f"Bearer {caller.access}")
    assert engine.api(request).status == 401


def test_only_what_was_permitted_is_listed_and_open(caller: Caller) -> None:
    caller.connect(ACCOUNTANT, [1002001, 2001001])
    assert [row["Code"] for row in caller.rows("1/system/Divisions")] == [1002001, 2001001]
    assert caller.get("2001001/crm/Accounts", "$top=1").status == 200
    outside = caller.get("2001002/crm/Accounts", "$top=1")
    assert (outside.status, error_text(outside.body)) == (
        403,
        "Forbidden - User division is not within division scope.",
    )
    foreign = caller.get("1001001/crm/Accounts", "$top=1")
    assert (foreign.status, error_text(foreign.body)) == (403, "Forbidden - WrongDivision")


def test_the_division_in_the_address_of_system_divisions_may_be_checked(
    engine: Engine, caller: Caller
) -> None:
    caller.connect(ACCOUNTANT, [1002001])
    assert caller.get("2000001/system/Divisions").status == 200
    engine.configure(validate_url_division=True)
    assert error_text(caller.get("2000001/system/Divisions").body) == "Forbidden - WrongDivision"
    assert caller.get("1002001/system/Divisions").status == 200


def test_a_consent_to_all_covers_divisions_to_come(engine: Engine, caller: Caller) -> None:
    caller.connect(BAKKER)
    code = engine.add_division("nl", BAKKER, "Bakker Nieuw B.V.")
    assert [row["Code"] for row in caller.rows("1/system/Divisions")] == [1002001, code]
    engine.set_scope("nl", BAKKER, [1002001])
    assert [row["Code"] for row in caller.rows("1/system/Divisions")] == [1002001]


@pytest.mark.parametrize(
    ("rule", "codes"), [(SecondConsent.REPLACES, [2001001]), (SecondConsent.WIDENS, [1002001, 2001001])]
)
def test_a_second_consent_replaces_or_widens(
    engine: Engine, caller: Caller, rule: SecondConsent, codes: list[int]
) -> None:
    engine.configure(second_consent=rule)
    caller.connect(ACCOUNTANT, [1002001]).connect(ACCOUNTANT, [2001001])
    assert [row["Code"] for row in caller.rows("1/system/Divisions")] == codes


def test_a_division_can_be_archived_blocked_and_left(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.set_division("nl", 1001001, status=2, blocking=1, name="Test oud")
    row = caller.rows("1/system/Divisions")[0]
    assert (row["Status"], row["BlockingStatus"], row["Description"]) == (2, 1, "Test oud")
    assert caller.get("1001001/crm/Accounts", "$top=1").headers["Reason"] == "DivisionBlocked"
    engine.set_current_division("nl", TEST_BV, 1001002)
    assert caller.rows("current/Me")[0]["CurrentDivision"] == 1001002


def test_calls_are_counted_per_division_and_minute(engine: Engine, caller: Caller) -> None:
    engine.configure(calls_per_minute=2)
    caller.connect()
    headers = caller.get("1001001/system/Divisions").headers
    assert headers["X-RateLimit-Minutely-Remaining"] == "1"
    assert headers["X-RateLimit-Minutely-Reset"] == str(int(START.timestamp() + 50) * 1000)
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("5000", "4999")
    caller.get("1001001/system/Divisions")
    refused = caller.get("1001001/system/Divisions")
    assert (refused.status, refused.body) == (429, b"")
    assert set(refused.headers) == {
        f"X-RateLimit-Minutely-{name}" for name in ("Limit", "Remaining", "Reset")
    }
    assert caller.get("1001002/system/Divisions").status == 200
    engine.advance(50)
    assert caller.get("1001001/system/Divisions").status == 200


def test_the_days_budget_runs_to_midnight_in_utc(engine: Engine, caller: Caller) -> None:
    engine.configure(calls_per_day=1)
    caller.connect()
    caller.get("1/system/Divisions")
    refused = caller.get("1/system/Divisions")
    assert set(refused.headers) == {f"X-RateLimit-{name}" for name in ("Limit", "Remaining", "Reset")}
    assert refused.headers["X-RateLimit-Reset"] == str(int(START.timestamp() - 43210 + 86400) * 1000)


def test_ten_errors_in_an_hour_block_that_endpoint_for_an_hour(engine: Engine, caller: Caller) -> None:
    engine.configure(access_seconds=10**6)
    caller.connect(ACCOUNTANT, [1002001])
    statuses = [caller.get("2001001/crm/Accounts", "$top=1").status for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    assert caller.get("1002001/crm/Accounts", "$top=1").status == 200
    engine.advance(3600)
    assert [caller.get("2001001/crm/Accounts", "$top=1").status for _ in range(11)] == [403] * 10 + [429]
    engine.advance(3600)
    assert caller.get("2001001/crm/Accounts", "$top=1").status == 429


@pytest.mark.parametrize(("path", "status"), [("1/system/Nonsense", 404), ("Me", 404)])
def test_an_unknown_resource_is_a_404(caller: Caller, path: str, status: int) -> None:
    assert caller.connect().get(path).status == status


def test_it_is_for_reading_only(caller: Caller) -> None:
    assert caller.connect().get("1/system/Divisions", method="DELETE").status == 405
