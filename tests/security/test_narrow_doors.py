"""Doors that stood ajar: GETs from other sites, NUL, the socket library's answers, a known browser, long lines."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core import clock
from core.accounts import lockout
from core.accounts.confirming import mark_confirmed
from core.accounts.invitations import accept_invitation, reset
from core.accounts.lockout import PER_ACCOUNT, TooManyAttempts
from core.accounts.roles import CurrentOperator, Role
from core.accounts.signing_in import accept_candidate, find_candidate
from core.application import Application
from core.audit.events import Event
from core.audit.listing import AuditQuery, iterate_entries, list_entries
from core.errors import ConfirmationNeeded
from core.redaction import Redaction
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    list_administrations,
    list_registrations,
)
from core.storage.models import AuditEntry, OperatorSession
from dashboard.cookies import session_cookie
from dashboard.headers import security_headers
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.core.accounts.conftest import added
from tests.factories import make_operator, make_registration
from tests.support.frame import new_session
from tests.support.live import Live
from tests.support.office import Office
from tests.support.statements import statements

CHOSEN = "an eel in the coffee"


@pytest.fixture
def admin(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Anna", Role.ADMIN)


@pytest.fixture
def visitor(app: Application) -> TestClient:
    """A browser before the real routes and middleware."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield)])
    return TestClient(served, base_url=app.settings.public_url, headers={"Accept-Language": "en"})


# --- A known browser --------------------------------------------------------------------------------------


def lock(app: Application, email: str, once: str) -> None:
    """Somebody elsewhere keeps the account locked, and goes on asking."""
    for number in range(PER_ACCOUNT + 3):
        try:
            find_candidate(app, email, "198.51.100.9", f"{once} {number}")
        except TooManyAttempts:
            continue


def test_check_19_who_sets_a_password_by_link_gets_in_with_it_whoever_keeps_the_account_locked(
    app: Application, visitor: TestClient, admin: CurrentOperator
) -> None:
    alice = added(app, "Alice")
    lock(app, alice.email, "before")
    path = reset(app, admin, alice.id).url.removeprefix(app.settings.public_url)
    page = visitor.get(path).text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    form = {"csrf": found[1], "password": CHOSEN, "again": CHOSEN}
    assert visitor.post(path, data=form, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    lock(app, alice.email, "after")

    browser = visitor.cookies["clickker_browser"]
    candidate = find_candidate(app, alice.email, "192.0.2.7", browser)
    assert accept_candidate(app, candidate) == alice.id
    with pytest.raises(TooManyAttempts):
        find_candidate(app, alice.email, "192.0.2.7", "another new browser")


def test_check_19_a_browser_known_to_one_account_is_not_known_to_another(
    app: Application, admin: CurrentOperator
) -> None:
    alice, bob = added(app, "Alice"), added(app, "Bob")
    link = reset(app, admin, alice.id).url.rpartition("/")[2]
    accept_invitation(app, link, CHOSEN, "192.0.2.7", "her browser")
    lock(app, bob.email, "x")
    with pytest.raises(TooManyAttempts):
        find_candidate(app, bob.email, "192.0.2.7", "her browser")


def test_check_20_a_locked_account_and_one_that_nobody_has_cost_the_same_work(
    app: Application, admin: CurrentOperator
) -> None:
    """Each account in turn, as somebody does who compares: what is asked of the database, word for word."""
    known = [added(app, name).email for name in ("Alice", "Bob", "Carol")]
    unknown = [f"nobody{number}@clickker.test" for number in range(3)]
    for email in [*known, *unknown]:
        lock(app, email, "x")
    work: dict[str, list[str]] = {}
    for round_ in range(2):
        with clock.shifted(timedelta(seconds=61 * round_)):
            for email in [*known, *unknown]:
                for again in range(2):
                    with statements(app.database) as seen, pytest.raises(TooManyAttempts):
                        find_candidate(app, email, "203.0.113.5", None)
                    work[f"{round_} {again} {email}"] = [" ".join(said.split()[:6]) for said, _given in seen]
    for round_ in range(2):
        for again in range(2):
            costs = {tuple(work[f"{round_} {again} {email}"]) for email in [*known, *unknown]}
            assert len(costs) == 1


def test_check_19_polling_a_locked_account_adds_one_line_a_minute(app: Application) -> None:
    alice = added(app, "Alice")
    lock(app, alice.email, "x")
    before = _locked(app)
    for _poll in range(20):
        with pytest.raises(TooManyAttempts):
            find_candidate(app, alice.email, "198.51.100.9", None)
    assert _locked(app) == before
    assert lockout.TOLD_PER_MINUTE == 1


def _locked(app: Application) -> int:
    with app.database.read() as session:
        return len(session.scalars(select(AuditEntry).where(AuditEntry.detail == "locked")).all())


# --- The audit log's export -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", [AuditQuery(), AuditQuery(event=Event.SIGN_IN.value), AuditQuery(search="alice")]
)
def test_check_28_an_export_of_the_audit_log_asks_a_fresh_password(
    app: Application, admin: CurrentOperator, query: AuditQuery
) -> None:
    by = in_session(app, admin)
    with clock.shifted(timedelta(minutes=app.settings.fresh_minutes + 1)):
        with pytest.raises(ConfirmationNeeded):
            iterate_entries(app, by, query)
        with app.database.transaction() as session:
            mark_confirmed(session, by.session_id or 0, clock.now())
        assert list(iterate_entries(app, by, query)) is not None


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_check_28_the_file_asks_for_it_on_a_page(app: Application, visitor: TestClient, kind: str) -> None:
    visitor.cookies.set(session_cookie(app.settings), new_session(app, added(app, "Ada", Role.ADMIN)))
    assert visitor.get(f"/export/audit.{kind}").status_code == 200
    with app.database.transaction() as session:
        session.execute(update(OperatorSession).values(confirmed_at=None))
    asked = visitor.get(f"/export/audit.{kind}?event=sign_in")
    assert asked.status_code == 403
    assert "who did what here" in asked.text
    assert 'type="password"' in asked.text


def in_session(app: Application, who: CurrentOperator) -> CurrentOperator:
    new_session(app, who)
    with app.database.read() as session:
        number = session.scalars(select(OperatorSession.id).order_by(OperatorSession.id.desc())).first()
    return CurrentOperator(who.id, who.email, who.name, who.role, who.language, number)


# --- From other sites -------------------------------------------------------------------------------------

EXPORTS = [
    f"/export/{name}.{kind}"
    for name in ("registrations", "administrations", "audit")
    for kind in ("csv", "xlsx")
]


@pytest.mark.parametrize("path", EXPORTS)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "Same-Origin", "same-origin, cross-site", ""])
def test_check_30_no_other_site_takes_an_export(
    app: Application, visitor: TestClient, admin: CurrentOperator, path: str, site: str
) -> None:
    visitor.cookies.set(session_cookie(app.settings), new_session(app, admin))
    refused = visitor.get(path, headers={"sec-fetch-site": site})
    assert refused.status_code == 403
    assert "content-disposition" not in refused.headers
    with app.database.read() as session:
        assert not session.scalars(
            select(AuditEntry).where(AuditEntry.event == Event.EXPORT_BEGUN.value)
        ).all()
    for own in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {}):
        assert visitor.get(path, headers=own).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_check_30_no_other_site_sends_an_operator_to_exact(
    office: Office, signed_in: TestClient, site: str
) -> None:
    consent = office.create_consent()
    asked = {"consent": consent}
    refused = signed_in.get(
        "/exact/connect", params=asked, headers={"sec-fetch-site": site}, follow_redirects=False
    )
    assert refused.status_code == 403
    assert "location" not in refused.headers
    gone = signed_in.get(
        "/exact/connect", params=asked, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False
    )
    assert gone.status_code == 303


# --- NUL --------------------------------------------------------------------------------------------------

NULS = ["\x00", "a\x00b", "test\x00"]


@pytest.mark.parametrize("nul", NULS)
def test_check_10_nul_in_any_filter_is_no_error(app: Application, admin: CurrentOperator, nul: str) -> None:
    make_registration(app.database, "Test B.V.")
    for query in (AuditQuery(nul), AuditQuery(who=nul), AuditQuery(event=nul), AuditQuery(outcome=nul)):
        list_entries(app, admin, query)
        list(iterate_entries(app, admin, query))
    list_registrations(app, admin, RegistrationQuery(search=nul))
    list_administrations(app, admin, AdministrationQuery(search=nul))


@pytest.mark.parametrize("nul", NULS)
def test_check_10_nul_in_an_address_is_no_error(
    app: Application, visitor: TestClient, admin: CurrentOperator, nul: str
) -> None:
    visitor.cookies.set(session_cookie(app.settings), new_session(app, admin))
    names = (
        "q",
        "who",
        "event",
        "outcome",
        "first",
        "last",
        "status",
        "environment",
        "owner",
        "page",
        "sort",
    )
    for path in (EXPORTS[0], EXPORTS[2], EXPORTS[4]):
        assert visitor.get(path, params=dict.fromkeys(names, nul)).status_code < 500
    for path in ("/exact/callback", "/exact/connect", "/session/start"):
        assert (
            visitor.get(path, params={"state": nul, "code": nul, "consent": nul, "ticket": nul}).status_code
            < 500
        )
    for path in ("/invitation/%00", "/customer/%00", "/customer/a%00b"):
        assert visitor.get(path).status_code < 500


@pytest.mark.parametrize("nul", NULS)
def test_check_10_nul_in_what_is_typed_at_the_door_is_a_wrong_password(app: Application, nul: str) -> None:
    candidate = find_candidate(app, nul, nul, nul)
    assert candidate.operator_id is None


# --- What the socket library answers ----------------------------------------------------------------------

HANDSHAKE = {
    "Host": "localhost:{port}",
    "Origin": "http://localhost:{port}",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
EVIL = "<script>evil</script>"


@pytest.mark.parametrize(
    "change",
    [
        {"Sec-WebSocket-Key": EVIL},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Version": EVIL},
        {"Sec-WebSocket-Extensions": EVIL},
        {"Sec-WebSocket-Protocol": f"{EVIL},,"},
        {"Connection": f"Upgrade, {EVIL}"},
        {"Sec-WebSocket-Key": "x" * 9_000},
        {"X-Long": "x" * 9_000},
    ],
    ids=lambda change: next(iter(change)) + str(len(next(iter(change.values())))),
)
def test_check_29_what_the_socket_library_refuses_carries_our_headers_and_repeats_nothing(
    live: Live, change: dict[str, str]
) -> None:
    lines = {name: value.format(port=live.port) for name, value in HANDSHAKE.items()} | change
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    answer = said(live.port, f"GET /_stcore/stream HTTP/1.1\r\n{head}\r\n".encode())
    assert re.match(rb"HTTP/1\.1 (4\d\d|101) ", answer), answer[:300]
    if b" 101 " in answer[:20]:
        return  # nothing was wrong with it after all
    told = answer.lower()
    for name, value in security_headers(live.app.settings).items():
        assert f"{name}: {value}".lower().encode() in told
    assert b"content-security-policy: " in told
    assert b"evil" not in told
    assert b"xxxx" not in told


def said(port: int, request: bytes) -> bytes:
    with socket.create_connection(("localhost", port), timeout=20) as line:
        line.sendall(request)
        told = b""
        while piece := line.recv(65_536):
            told += piece
            if b" 101 " in told[:20]:
                break
        return told


# --- Long lines -------------------------------------------------------------------------------------------

LONG = [
    "a" * 600_000,
    "-a_" * 200_000,
    "token=" * 100_000,
    "token:" * 100_000,
    'token="' * 100_000,
    "token='a\\" * 60_000,
    "password = " + "x" * 600_000,
    "password" + " " * 600_000,
    "_streamlit_" * 60_000,
    "eyJaaaaaa-" * 60_000,
    "eyJaaaaaa." * 60_000,
    "-eyJ" * 150_000,
    "://" * 200_000,
    "://a:" * 120_000,
    "code=" * 120_000,
    "'code' : " * 60_000,
    "cookie" * 100_000,
    "authorization: " * 40_000,
    "bearer " * 80_000,
    "basic" + " " * 600_000,
    "/invitation/" * 50_000,
    "A1a-" * 150_000,
    "clickker_" * 60_000,
    "client_secret" * 50_000,
    "\\" * 600_000,
    '"' * 600_000,
    "%3D" * 200_000,
]
WORK = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
from core.redaction import Redaction
redact = Redaction(["correct horse battery"])
for text in json.load(sys.stdin):
    redact(text)
print("done")
"""


def test_check_16_redaction_reads_a_line_of_any_length_in_a_bounded_number_of_steps() -> None:
    """All of these at six hundred thousand characters. What needed the square of that took days; the process may use
    two minutes of processor, a hundred times of what it needs."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", WORK], input=json.dumps(LONG), capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr[-500:]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("x__Host-clickker_session=abcdef1234; y", "x__Host-clickker_session=***; y"),
        ("_streamlit_user=abcdef", "_streamlit_user=***"),
        ("got eyJhbGciOi.eyJzdWIi.c2lnbmF0 today", "got *** today"),
        ("refresh_token=abcdefgh&x=1", "refresh_token=***&x=1"),
        ('"refresh_token": "abcdefgh"', '"refresh_token": ***'),
        ("token: TokenPair(", "token: TokenPair("),
        ("password: field: x", "password: field: x"),
    ],
)
def test_check_16_redaction_still_takes_and_leaves_what_it_did(said: str, kept: str) -> None:
    assert Redaction()(said) == kept
