"""The OAuth client, checks 1 to 13: whoever gets in between consent and token gets nothing, and changes nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import own_target, start_ticket
from core.application import Application
from core.errors import NotFound, SettingsError
from core.exact import transport
from core.exact.environments import base_url
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import exchange_body
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.decisions import compare_candidate, reject_candidate
from core.registrations.outcomes import Outcome
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.views import RegistrationForm
from core.settings import ExactApp, Settings
from core.storage.models import Consent, Grant
from core.tokens.grants import read_access_token, read_refresh_token
from dashboard.cookies import browser_cookie
from dashboard.navigation import ENTRIES, address
from tests.bench.websocket import tab
from tests.factories import make_operator
from tests.support.connecting import connect
from tests.support.exact import CLIENT_SECRET
from tests.support.frame import new_session
from tests.support.live import Live
from tests.support.office import ACCOUNTANT, USER, Office, go_to_exact, press_the_button, sign_in, state_in

Visitors = Callable[[], TestClient]
HOSTILE = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}


def begun(office: Office) -> tuple[Begun, list[tuple[str, str]]]:
    """An attempt that went to Exact, and the answer that comes back."""
    attempt = begin_consent(office.app, office.alice, office.create_consent())
    return attempt, [("code", office.code()), ("state", state_in(attempt.authorize_url))]


def come_back(
    office: Office, query: list[tuple[str, str]], browser: str | None, operator: int | None
) -> Outcome:
    return complete_consent(office.app, query, browser, operator).outcome


def test_check_01_a_state_is_256_random_bits_and_kept_as_a_hash(office: Office) -> None:
    states = {state_in(begun(office)[0].authorize_url) for _attempt in range(50)}
    assert len(states) == 50
    assert all(len(state) == 43 for state in states), "43 characters of six bits each"
    with office.app.database.read() as session:
        stored = str([vars(row) for row in session.scalars(select(Consent))])
    assert not any(state in stored for state in states)


def test_check_02_an_answer_counts_once(signed_in: TestClient, office: Office) -> None:
    query = {"code": office.code(), "state": go_to_exact(signed_in, office)}
    assert signed_in.get("/exact/callback", params=query).status_code == 303

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 409
    assert "This answer was used already" in answer.text
    assert office.grants() == 1


def test_check_02_the_same_answer_fifty_times_at_once_makes_one_token_call(office: Office) -> None:
    attempt, query = begun(office)
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(
            pool.map(
                lambda _number: come_back(office, query, attempt.browser_token, office.alice.id), range(50)
            )
        )
    assert outcomes.count(Outcome.GRANTED) == 1
    assert outcomes.count(Outcome.REUSED_STATE) == 49
    assert len(office.simulator.engine.calls("token")) == 1


def test_check_02_a_state_is_used_up_before_the_exchange(office: Office) -> None:
    attempt, query = begun(office)
    office.simulator.engine.add_fault("maintenance", endpoint="token")
    assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.MAINTENANCE
    assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.REUSED_STATE


def test_check_03_another_browser_may_not_finish_it(
    signed_in: TestClient,
    visitors: Callable[[], TestClient],
    office: Office,
) -> None:
    state = go_to_exact(signed_in, office)
    other = visitors()
    sign_in(other, office.app, office.alice)

    answer = other.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == 403
    assert "Another browser came back" in answer.text
    assert office.grants() == 0


@pytest.mark.parametrize("token", [None, "", "of another browser"])
def test_check_03_another_browser_is_refused_and_the_right_one_may_still_come(
    office: Office, token: str | None
) -> None:
    attempt, query = begun(office)
    assert come_back(office, query, token, office.alice.id) is Outcome.OTHER_BROWSER
    assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.GRANTED


def test_check_03_another_operator_in_the_same_browser_is_refused(office: Office) -> None:
    bob = make_operator(office.app.database, "Bob")
    attempt, query = begun(office)
    assert come_back(office, query, attempt.browser_token, bob.id) is Outcome.OTHER_OPERATOR
    with pytest.raises(NotFound):
        begin_consent(office.app, bob, office.create_consent())


def test_check_03_an_answer_lands_at_the_registration_and_environment_that_asked(
    signed_in: TestClient, office: Office
) -> None:
    other = register(office.app, office.alice, None, RegistrationForm(name="Other B.V.", environment="be"))
    create_consent(office.app, office.alice, other)
    state = go_to_exact(signed_in, office)
    query = {"code": office.code(), "state": state, "id": str(other), "environment": "be"}
    assert signed_in.get("/exact/callback", params=query).status_code == 303
    assert office.registration.grant is not None
    assert registration(office.app, office.alice, other).grant is None


def test_check_04_an_attempt_ends_after_ten_minutes(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)

    with clock.shifted(timedelta(minutes=11)):
        answer = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == 410
    assert "This attempt took too long" in answer.text


def test_check_04_a_state_lapses_after_ten_minutes(office: Office) -> None:
    attempt, query = begun(office)
    with clock.shifted(timedelta(minutes=10, seconds=1)):
        assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.EXPIRED_STATE
    assert len(office.simulator.engine.calls("token")) == 0


def test_check_05_a_customers_link_starts_on_our_host_and_sets_the_cookie_there(
    visitors: Visitors, link: str, office: Office
) -> None:
    customer, thief = visitors(), visitors()
    shown = customer.get(link)
    assert link.startswith("/customer/"), "the link leads to us, not to Exact"
    assert "/api/oauth2/auth" not in shown.text
    state = press_the_button(customer, link)
    assert customer.cookies[browser_cookie(office.app.settings)]
    answer = {"code": office.code(), "state": state}
    assert thief.get("/exact/callback", params=answer).status_code == 403
    assert customer.get("/exact/callback", params=answer).headers["location"] == "/customer/thanks"


def test_check_06_pkce_goes_along_and_nothing_rests_on_it(signed_in: TestClient, office: Office) -> None:
    went = signed_in.get("/exact/connect", params={"consent": office.create_consent()}).headers["location"]
    asked = parse_qs(urlsplit(went).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    body = parse_qs(exchange_body(office.app.settings, "nl", "code", "v" * 64))
    assert body["code_verifier"] == ["v" * 64]
    # Exact ignores what it does not know: without our own state the same code gets nobody anywhere.
    without = signed_in.get("/exact/callback", params={"code": office.code()})
    assert without.status_code == 400
    assert office.grants() == 0


def test_check_07_the_code_goes_only_to_the_environment_of_the_state(
    signed_in: TestClient, office: Office
) -> None:
    state = go_to_exact(signed_in, office)
    query = {"code": office.code(), "state": state, "environment": "de", "iss": "https://evil.example"}
    signed_in.get("/exact/callback", params=query)
    assert [call.environment for call in office.simulator.engine.calls("token")] == ["nl"]


def test_check_08_the_redirect_uri_comes_from_the_settings(visitors: Visitors, office: Office) -> None:
    client = visitors()
    sign_in(client, office.app, office.alice)
    went = client.get("/exact/connect", params={"consent": office.create_consent()}, headers=HOSTILE)
    asked = parse_qs(urlsplit(went.headers["location"]).query)
    assert asked["redirect_uri"] == [office.app.settings.public_url + "/exact/callback"]
    other = {"Host": "evil.example"}
    refused = client.get("/exact/connect", params={"consent": office.create_consent()}, headers=other)
    assert refused.status_code == 421


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.example",
    "/%0d%0aLocation:%20//evil.example\r\n",
    "///evil.example",
    "https:///evil.example",
    "/\u2028/evil.example",
    "evil.example",
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_check_09_no_spelling_of_another_place_is_a_target(target: str) -> None:
    assert own_target(target) == "/"


@pytest.mark.parametrize("target", ELSEWHERE[:3])
def test_check_09_nobody_is_led_off_this_host(
    visitors: Visitors, app: Application, alice: CurrentOperator, target: str
) -> None:
    client = visitors()
    client.get("/")
    ticket = start_ticket(app, alice.id, client.cookies[browser_cookie(app.settings)], target)
    assert client.get("/session/start", params={"ticket": ticket}).headers["location"] == "/"


@pytest.mark.parametrize("name", ["code", "state", "error"])
def test_check_10_a_doubled_parameter_is_not_trusted(
    signed_in: TestClient,
    office: Office,
    name: str,
) -> None:
    state = go_to_exact(signed_in, office)
    query = [("code", office.code()), ("state", state), (name, "x"), (name, "y")]

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 400
    assert "not in order" in answer.text
    assert office.grants() == 0


def test_check_10_nothing_of_the_address_is_repeated(signed_in: TestClient) -> None:
    evil = "<script>steal(1)</script>"
    query = {"error": evil, "error_description": evil, "state": evil, "code": evil}

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 400
    assert "steal" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_check_10_an_endless_code_makes_no_token_call(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)
    answer = signed_in.get("/exact/callback", params={"code": "x" * 60_000, "state": state})
    assert answer.status_code == 400
    assert "xxx" not in answer.text
    attempt, query = begun(office)
    endless = [("code", "x" * 1_000_000), query[1]]
    assert come_back(office, endless, attempt.browser_token, office.alice.id) is Outcome.MISSING_CODE
    assert office.simulator.engine.calls("token") == ()


def test_check_11_another_login_stops_and_asks_before_anything_is_replaced(office: Office) -> None:
    attempt, query = begun(office)
    assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.GRANTED
    linked = next(iter(office.simulator.engine.divisions("nl", USER))).code
    save_administrations(office.app, office.alice, office.number, [linked])
    before = office.registration.grant
    attempt, _query = begun(office)
    query = [("code", office.code(ACCOUNTANT)), ("state", state_in(attempt.authorize_url))]
    assert come_back(office, query, attempt.browser_token, office.alice.id) is Outcome.NEEDS_DECISION
    view = office.registration
    assert view.status is Status.ATTENTION
    assert view.grant == before
    assert view.candidate is not None
    assert compare_candidate(office.app, office.alice, office.number).lost
    reject_candidate(office.app, office.alice, office.number)
    assert (office.registration.status, office.registration.candidate) == (Status.CONNECTED, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://start.exactonline.nl",
        "http://127.0.0.1.evil.example",
        "https://user:secret@start.exactonline.nl",
    ],
)
def test_check_12_tokens_go_to_hosts_that_the_settings_may_name(url: str) -> None:
    app = ExactApp(client_id="id", client_secret=SecretStr("s3cret"), base_url=url)
    with pytest.raises(SettingsError):
        base_url(Settings(exact={"nl": app}), "nl")


def test_check_12_no_redirect_is_followed_with_a_token(office: Office) -> None:
    attempt, query = begun(office)
    moved = {"Location": "http://127.0.0.1:1/"}
    with respx.mock(assert_all_called=False) as web:
        token = web.post(url__regex=".*/oauth2/token").respond(307, headers=moved)
        elsewhere = web.route(host="127.0.0.1", port=1)
        come_back(office, query, attempt.browser_token, office.alice.id)
    assert token.call_count == 1
    assert elsewhere.call_count == 0


def test_check_12_a_certificate_that_nobody_signed_is_not_believed(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(tmp_path / "server.pem"))
    with self_signed(context) as port, transport.new_client() as client, pytest.raises(ExactError) as caught:
        transport.send(
            client, client.build_request("GET", f"https://localhost:{port}/"), seconds=10, limit=100
        )
    assert caught.value.kind == FailureKind.NOT_SENT


def own_certificate(path: Path) -> Path:
    """A key and a certificate for localhost that only its maker vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def self_signed(context: ssl.SSLContext) -> Iterator[int]:
    """A server that speaks TLS with a certificate of its own making."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_check_13_no_token_reaches_a_browser(live: Live) -> None:
    number = live.add_operator("anna@clickker.test", "Anna", Role.ADMIN, "en")
    anna = CurrentOperator(number, "anna@clickker.test", "Anna", Role.ADMIN, "en")
    connected = connect(live.app, anna, live.simulator)
    with live.app.database.read() as session:
        grant = session.scalars(select(Grant)).one()
        tokens = [read(live.app.vault, grant) for read in (read_access_token, read_refresh_token)]
    assert all(tokens)
    cookie = new_session(live.app, anna)

    async def walk() -> str:
        drawn = ""
        for entry in ENTRIES:
            query = f"id={connected}"
            async with tab(
                live.url, address(entry.key).strip("/"), query, {"clickker_session": cookie}
            ) as page:
                drawn += str((await page.run()).drawn)
        return drawn

    drawn = asyncio.run(walk())
    assert "Test B.V." in drawn
    headers = {"Cookie": f"clickker_session={cookie}"}
    for name in ("registrations.csv", "administrations.csv"):
        drawn += httpx.get(f"{live.url}/export/{name}", headers=headers).text
    assert [secret for secret in [*tokens, CLIENT_SECRET] if secret in drawn] == []
