"""An export is for who is signed in and may export, and holds what the filter shows."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from core.accounts.operators import disable
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import end_session, start_session, start_ticket
from core.application import Application
from core.audit.events import Event
from core.audit.exports import recorded
from core.audit.record import record_alone
from core.seed import seed
from core.storage.database import Database
from core.storage.models import AuditEntry
from dashboard import routes_export
from dashboard.cookies import session_cookie
from tests.factories import make_administration, make_registration

ADDRESSES = [
    f"/export/{name}.{kind}" for name in ("registrations", "administrations") for kind in ("csv", "xlsx")
]


def sign_in(visitor: TestClient, app: Application, who: CurrentOperator) -> str:
    ticket = start_ticket(app, who.id, "browser", "/", confirmed=True)
    cookie = start_session(app, ticket, "browser", "127.0.0.1", "test").cookie
    visitor.cookies.set(session_cookie(app.settings), cookie)
    return cookie


@pytest.fixture
def alice(
    visitor: TestClient, app: Application, make_account: Callable[..., CurrentOperator]
) -> CurrentOperator:
    """Signed in, reads English."""
    who = make_account("Alice", Role.ACCOUNT_MANAGER)
    sign_in(visitor, app, who)
    return who


def rows(content: bytes, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator))


@pytest.mark.parametrize("address", ADDRESSES)
def test_signed_out_nothing_is_exported(visitor: TestClient, database: Database, address: str) -> None:
    make_registration(database, "Geheim B.V.")
    for cookie in ("", "made-up", "é"):
        headers = {b"accept-language": b"en"}
        if cookie:
            headers[b"cookie"] = f"clickker_session={cookie}".encode("latin-1")
        answer = visitor.get(address, headers=headers)
        assert answer.status_code == 403
        assert "Sign in again" in answer.text
        assert "Geheim" not in answer.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_after_sign_out_the_old_cookie_exports_nothing(
    visitor: TestClient, app: Application, alice: CurrentOperator, address: str
) -> None:
    end_session(app, visitor.cookies[session_cookie(app.settings)])
    assert visitor.get(address).status_code == 403


def test_a_disabled_operator_exports_nothing(
    visitor: TestClient,
    app: Application,
    alice: CurrentOperator,
    make_account: Callable[..., CurrentOperator],
) -> None:
    disable(app, make_account("Carol", Role.ADMIN), alice.id)
    assert visitor.get(ADDRESSES[0]).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_role_without_the_right_is_refused_by_core(
    visitor: TestClient, alice: CurrentOperator, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.accounts.roles.PERMISSIONS", dict.fromkeys(Role, frozenset()))
    answer = visitor.get(address)
    assert answer.status_code == 403
    assert "Your role does not allow this" in answer.text


def test_registrations_come_as_csv(
    visitor: TestClient, app: Application, database: Database, alice: CurrentOperator
) -> None:
    make_registration(database, "=Bakker, Zn", reference="+31", owner_id=alice.id)
    answer = visitor.get("/export/registrations.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith('attachment; filename="registrations-')
    head, row = rows(answer.content)
    assert head[:4] == ["Name", "Customer reference", "Environment", "Status"]
    assert row[:6] == ["'=Bakker, Zn", "'+31", "Netherlands", "Waiting for consent", "Active", "Alice"]


def test_the_file_is_in_the_language_of_the_operator(
    visitor: TestClient, app: Application, database: Database, make_account: Callable[..., CurrentOperator]
) -> None:
    make_registration(database, "Bakker")
    sign_in(visitor, app, make_account("Daan", language="nl"))
    answer = visitor.get("/export/registrations.csv", headers={"accept-language": "en"})
    assert len(rows(answer.content, ";")[0]) == 14


def test_the_file_holds_what_the_filter_shows(
    visitor: TestClient,
    app: Application,
    database: Database,
    alice: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes_export, "PER_MINUTE", 1_000)
    first = make_registration(database, "Bakker B.V.", owner_id=alice.id)
    second = make_registration(database, "Slager B.V.", environment="be", active=False)
    make_administration(database, first, "Bakker Holding")
    make_administration(database, second, "Slager Holding")
    for query, names in (
        ("", ["Bakker", "Slager"]),
        ("?q=slag", ["Slager"]),
        ("?environment=be", ["Slager"]),
        ("?status=paused", ["Slager"]),
        (f"?owner={alice.id}", ["Bakker"]),
        ("?owner=0", ["Slager"]),
        ("?active=yes", ["Bakker"]),
        ("?active=no&environment=nl", []),
        ("?owner=x&active=perhaps&page=9&sort=;", ["Bakker", "Slager"]),
        ("?owner=99999999999999999999", ["Bakker", "Slager"]),
        ("?status=odd", []),
        ("?q=%00%22%27", []),
    ):
        for name in ("registrations", "administrations"):
            answer = visitor.get(f"/export/{name}.csv{query}")
            assert [row[0].split()[0] for row in rows(answer.content)[1:]] == names, (name, query)


def test_a_long_list_comes_whole_and_in_pieces(
    visitor: TestClient, app: Application, database: Database, alice: CurrentOperator
) -> None:
    seed(app, 700, 2)
    with visitor.stream("GET", "/export/administrations.csv") as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 2
    codes = [row[1] for row in rows(b"".join(pieces))[1:]]
    assert len(codes) == len(set(codes)) > 1_000


@pytest.mark.parametrize("name", ["registrations", "administrations"])
def test_excel_gets_a_workbook(
    visitor: TestClient, app: Application, database: Database, alice: CurrentOperator, name: str
) -> None:
    seed(app, 30, 2)
    answer = visitor.get(f"/export/{name}.xlsx")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == routes_export.XLSX
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.read("xl/worksheets/sheet1.xml").count(b"<row ") > 30


def test_one_workbook_is_made_at_a_time(visitor: TestClient, alice: CurrentOperator) -> None:
    with routes_export._workbook:
        answer = visitor.get("/export/registrations.xlsx")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "60"
        assert visitor.get("/export/registrations.csv").status_code == 200
    assert visitor.get("/export/registrations.xlsx").status_code == 200


def test_a_workbook_that_fails_does_not_block_the_next(
    visitor: TestClient, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(routes_export, "write_workbook", fail)
        assert visitor.get("/export/registrations.xlsx").status_code == 500
    assert visitor.get("/export/registrations.xlsx").status_code == 200


def test_many_exports_in_a_minute_are_braked(visitor: TestClient, alice: CurrentOperator) -> None:
    answers = [visitor.get("/export/registrations.csv").status_code for _number in range(12)]
    assert answers == [200] * 10 + [429] * 2


def test_only_these_files_are_there_and_only_to_get(visitor: TestClient, alice: CurrentOperator) -> None:
    assert visitor.get("/export/operators.csv").status_code == 404
    assert visitor.get("/export/registrations.json").status_code == 404
    assert visitor.post("/export/registrations.csv").status_code in {403, 405}


def _recorded(database: Database) -> list[tuple[str, str, str, str, str]]:
    with database.read() as session:
        found = session.scalars(
            select(AuditEntry).where(AuditEntry.event.like("export.%")).order_by(AuditEntry.sequence)
        )
        return [(e.actor_name, e.event, e.subject, e.outcome, e.detail) for e in found]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_it_is_recorded_who_took_what_and_how_many_rows(
    visitor: TestClient, database: Database, alice: CurrentOperator, kind: str
) -> None:
    for name in ("Bakker B.V.", "Bakkerij Oost", "Ander B.V."):
        make_registration(database, name)
    visitor.get(f"/export/registrations.{kind}?q=bakker&environment=nl")
    assert _recorded(database) == [
        ("Alice", "export.begun", f"registrations.{kind}", "done", "search=bakker environment=nl"),
        ("Alice", "export.ended", f"registrations.{kind}", "done", "2"),
    ]


def test_an_export_that_broke_off_is_recorded_as_such(
    app: Application, database: Database, alice: CurrentOperator
) -> None:
    rows = recorded(app, alice, "registrations.csv", "", iter(range(10)))
    next(rows)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert _recorded(database)[-1] == ("Alice", "export.ended", "registrations.csv", "failed", "2")


def test_the_audit_log_is_exported_for_admins_alone_and_says_so_itself(
    visitor: TestClient,
    app: Application,
    database: Database,
    alice: CurrentOperator,
    make_account: Callable[..., CurrentOperator],
) -> None:
    refused = visitor.get("/export/audit.csv")
    assert refused.status_code == 403
    assert "Your role" in refused.text
    admin = make_account("Aisha", Role.ADMIN)
    sign_in(visitor, app, admin)
    record_alone(app, Event.REGISTRATION_DELETED, admin, on='registration 7 =cmd|" /C calc"!A0')
    record_alone(app, Event.SIGN_OUT, admin, on="=1+1")
    [_titles, *found] = rows(visitor.get("/export/audit.csv?event=sign_out").content)
    assert [line[5] for line in found] == ["'=1+1"]
    assert visitor.get("/export/audit.xlsx?who=nobody&first=2026-13-99").status_code == 200
    assert [line[:2] for line in _recorded(database)][:2] == [
        ("Aisha", "export.begun"),
        ("Aisha", "export.ended"),
    ]
