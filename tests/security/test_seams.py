"""Where two ways in, or a way in and a log, meet: what each promises by itself holds when they are combined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import func, select

from core.accounts import passwords
from core.accounts.identities import Identity, bind, own_identity
from core.accounts.invitations import accept_invitation, invite, open_invitation, reset
from core.accounts.key_rotation import has_admin
from core.accounts.open_sessions import end_operator_sessions
from core.accounts.operators import disable, enable, set_role
from core.accounts.passwords import dummy_hash
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.accounts.second_factor import own_second_factor
from core.accounts.second_step import begin_second_step, complete_second_step, second_step_waits
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.accounts.signing_in import accept_candidate, confirm_password, find_candidate
from core.accounts.sso import begin_confirm, begin_sign_in, come_back, leave
from core.application import Application
from core.audit.events import Event
from core.audit.refusals import record_refusal
from core.clock import now
from core.errors import Conflict, NotAllowed, NotFound
from core.redaction import Redaction, secrets_of
from core.registrations.query import RegistrationQuery
from core.storage.models import AuditEntry
from dashboard import filters
from dashboard.doors import is_closed
from tests.core.accounts.conftest import PASSWORD, added
from tests.security.ears import all_ears
from tests.support.provider_wire import ACCESS_TOKEN, ISSUER, SSO, TOKEN_URL, Wire, wire, with_sso
from tests.support.second_factor import code_of, turned_on

BROWSER, HOME, ELSEWHERE = "the browser of the test", "198.51.100.7", "203.0.113.9"
MINE = Identity(ISSUER, "alice-1")


@pytest.fixture(autouse=True)
def quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fewest rounds bcrypt takes."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    dummy_hash.cache_clear()
    yield
    dummy_hash.cache_clear()


@pytest.fixture
def sso(app: Application) -> Application:
    return with_sso(app)


@pytest.fixture
def alice(sso: Application) -> CurrentOperator:
    """Somebody with a password and an account at the provider."""
    who = added(sso, "Alice")
    with sso.database.transaction() as session:
        bind(session, who, MINE)
    return who


@pytest.fixture
def admin(sso: Application) -> CurrentOperator:
    return added(sso, "Anna", Role.ADMIN)


@pytest.fixture
def at(sso: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire(sso, monkeypatch) as made:
        yield made


def claims(subject: str = MINE.subject) -> dict[str, object]:
    moment = int(now().timestamp())
    told = {"iss": ISSUER, "sub": subject, "aud": "clickker", "iat": moment, "auth_time": moment}
    return told | {"exp": moment + 3600}


def by_provider(app: Application, browser: str = BROWSER) -> str:
    """A ticket for whoever the provider knows as Alice."""
    begin_sign_in(app, browser, "/")
    assert leave(app, browser, "state")
    returned = come_back(app, browser, "state", claims(), None)
    assert returned.operator_id
    return start_ticket(app, returned.operator_id, browser, "/")


def session_of(app: Application, ticket: str, browser: str = BROWSER) -> CurrentOperator:
    found = session_operator(app, start_session(app, ticket, browser, HOME, "").cookie)
    assert found
    return found.operator


def token(url: str) -> str:
    return url.rsplit("/", 1)[1]


def entries(app: Application) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


# --- Ways in, combined --------------------------------------------------------------------------------------


def test_check_23_a_reset_link_ends_the_account_at_the_provider_too(
    sso: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    # Whoever had taken the account over may have bound an account of their own: a new password alone leaves them in.
    link = token(reset(sso, admin, alice.id).url)
    accept_invitation(sso, link, "another herring in the tea", HOME)
    assert own_identity(sso, alice) is None
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        by_provider(sso)
    with sso.database.read() as session:
        told = session.scalars(
            select(AuditEntry.detail).where(AuditEntry.event == Event.IDENTITY_UNBOUND.value)
        ).all()
    assert told == [f"{ISSUER} alice-1"]


def test_check_23_links_of_somebody_disabled_do_not_come_back_to_life(
    sso: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    link = token(reset(sso, admin, alice.id).url)
    disable(sso, admin, alice.id)
    enable(sso, admin, alice.id)
    with pytest.raises(NotFound, match="withdrawn"):
        open_invitation(sso, link)


@pytest.mark.parametrize("ended_by", ["disable", "role", "all sessions", "reset"])
def test_check_23_what_was_half_done_ends_with_the_sessions(
    sso: Application, alice: CurrentOperator, admin: CurrentOperator, ended_by: str
) -> None:
    here = session_of(sso, by_provider(sso))
    secret, _codes = turned_on(sso, replace(alice, session_id=here.session_id), PASSWORD)
    ticket = by_provider(sso, "another browser")
    assert begin_second_step(sso, alice.id, "a third browser")
    begin_confirm(sso, here, BROWSER, "/")
    assert leave(sso, BROWSER, "confirming")
    if ended_by == "disable":
        disable(sso, admin, alice.id)
        enable(sso, admin, alice.id)
    elif ended_by == "role":
        set_role(sso, admin, alice.id, Role.ADMIN)
    elif ended_by == "all sessions":
        end_operator_sessions(sso, admin, alice.id)
    else:
        accept_invitation(sso, token(reset(sso, admin, alice.id).url), "another herring in the tea")

    with pytest.raises(NotAllowed):
        start_session(sso, ticket, "another browser", HOME, "")
    assert not second_step_waits(sso, "a third browser")
    with pytest.raises(NotAllowed):
        complete_second_step(sso, "a third browser", code_of(secret), "/", HOME)
    with pytest.raises(NotAllowed, match="signed out meanwhile"):
        come_back(sso, BROWSER, "confirming", claims(), None)


def test_check_19_a_good_password_does_not_strike_out_wrong_codes(
    sso: Application, alice: CurrentOperator
) -> None:
    here = session_of(sso, by_provider(sso))
    turned_on(sso, replace(alice, session_id=here.session_id), PASSWORD)
    refused = 0
    for _round in range(8):
        with suppress(Exception):
            accept_candidate(sso, find_candidate(sso, alice.email, ELSEWHERE, "theirs"))
        assert begin_second_step(sso, alice.id, "theirs")
        try:
            complete_second_step(sso, "theirs", "no code at all", "/", ELSEWHERE)
        except Exception as error:
            refused += "Too many" in str(error)
    assert refused == 3


def test_check_28_an_admin_without_a_password_that_counts_is_not_asked_for_one(
    app: Application, admin: CurrentOperator
) -> None:
    # Keys could neither be rotated nor given up at a terminal: no password would ever be the right one.
    assert has_admin(app)
    assert not has_admin(with_sso(app, passwords="off"))
    assert has_admin(with_sso(app, passwords="off", break_glass=admin.email))


def test_no_second_factor_is_offered_where_no_password_counts(
    sso: Application, alice: CurrentOperator
) -> None:
    assert own_second_factor(sso, alice).possible
    assert not own_second_factor(with_sso(sso, passwords="off"), alice).possible


def test_an_identity_of_a_provider_of_before_is_no_way_in(sso: Application, admin: CurrentOperator) -> None:
    other = token(invite(sso, admin, "old@clickker.test", "Old", Role.ADMIN).url)
    accept_invitation(sso, other, PASSWORD)
    with sso.database.transaction() as session:
        bind(session, admin, Identity(ISSUER, "anna"))
        old = replace(admin, id=admin.id + 1, email="old@clickker.test")
        bind(session, old, Identity("https://id.before.test", "old"))
    off = with_sso(sso, passwords="off")
    with pytest.raises(Conflict, match="last admin"):
        disable(off, None, admin.id)


# --- The audit log, which is never pruned --------------------------------------------------------------------


def test_check_31_who_hammers_at_a_lock_does_not_fill_the_audit_log(app: Application) -> None:
    who = added(app, "Alice")
    accounts = [who.email, *(f"nobody{number}@clickker.test" for number in range(20))]
    for email in accounts:
        for number in range(6):
            with suppress(Exception):
                find_candidate(app, email, ELSEWHERE, f"browser {number}")
    before = entries(app)
    for email in accounts * 5:
        with pytest.raises(Exception, match="Too many"):
            find_candidate(app, email, ELSEWHERE, None)
    assert entries(app) - before <= 2
    with app.database.read() as session:
        locked = session.scalars(select(AuditEntry.subject).where(AuditEntry.detail == "locked")).all()
    assert f"operator {who.id} {who.email}" in locked


def test_check_31_nor_who_hammers_at_the_fresh_password(app: Application) -> None:
    who = replace(added(app, "Alice"), address=HOME)
    for _round in range(60):
        with pytest.raises(Exception, match="password"):
            confirm_password(app, who, "wrong", HOME)
    assert 6 <= entries(app) <= 10


def test_check_31_nor_who_is_refused_over_and_over(app: Application) -> None:
    who = added(app, "Alice")
    for _round in range(100):
        try:
            require(who, Action.MANAGE_OPERATORS)
        except NotAllowed as error:
            record_refusal(app, error)
    assert 20 <= entries(app) <= 70


# --- What a box never held -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd", ["\u202e", "***\U0001f600", "-1", "1e3", "\u0661", "9" * 20, "9" * 5000, " 1"]
)
def test_check_32_an_owner_that_never_stood_in_the_box_is_none(
    monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    keys = filters.Keys("registrations", "r_")
    for chosen, owner in ((odd, None), ("", None), (None, None), ("0", 0), ("17", 17)):
        monkeypatch.setattr("streamlit.session_state", {"r_owner": chosen, "r_page": 1})
        assert filters.asked(keys, RegistrationQuery).owner_id == owner


# --- Single sign-on at the doors -----------------------------------------------------------------------------


def test_check_31_a_line_with_numbers_without_end_is_one_at_the_provider_too(
    sso: Application, at: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(f"2001:db8:1:2::{number:x}" for number in range(1, 100))
    monkeypatch.setattr("dashboard.provider_door.address_of", lambda _request: next(numbers))
    answers = [at.browser.get("/oauth2callback").status_code for _round in range(35)]
    assert 429 in answers


def test_check_16_no_log_says_what_the_provider_or_a_phone_says(
    sso: Application, alice: CurrentOperator, at: Wire
) -> None:
    code, clean = "a-Code-0f-The-Pr0vider-2b7e151628aed2a6abf7", Redaction(secrets_of(sso.settings))
    with all_ears() as ears:
        for trouble in (
            None,
            {"aud": "another"},
            {"sub": "somebody-else-at-the-provider"},
            {"nonce": "x" * 30},
        ):
            begin_sign_in(sso, at.name(), "/")
            asked = at.leave()
            ears.keep("asked", asked["state"], asked["nonce"], at.name())
            at.answer(asked, **(trouble or {}))
            came = at.browser.get("/oauth2callback", params={"code": code, "state": asked["state"]})
            if trouble is None:
                ears.keep("ticket", came.headers["location"].split("ticket=")[1])
        for answer in (
            httpx.Response(500, text=code),
            httpx.Response(400, json={"error": "invalid_grant", "error_description": code}),
            httpx.ConnectError(code),
        ):
            begin_sign_in(sso, at.name(), "/")
            asked = at.leave()
            at.router.post(TOKEN_URL).mock(side_effect=[answer])
            at.browser.get("/oauth2callback", params={"code": code, "state": asked["state"]})
        here = session_of(sso, by_provider(sso))
        with ears.errors():
            secret, codes = turned_on(sso, replace(alice, session_id=here.session_id), PASSWORD)
            ears.keep("second factor", secret, *codes)
            begin_second_step(sso, alice.id, BROWSER)
            complete_second_step(sso, BROWSER, codes[0], "/", HOME)
        begin_second_step(sso, alice.id, BROWSER)
        for wrong in (codes[0], codes[1] + "a", secret):
            with ears.errors():
                complete_second_step(sso, BROWSER, wrong, "/", HOME)
    ears.keep("provider", code, ACCESS_TOKEN, SSO.client_secret.get_secret_value(), *at.id_tokens)
    ears.said = [clean(text) for text in ears.said]
    assert {"clickker", "streamlit"} <= ears.loggers
    assert not ears.told()
    with sso.database.read() as session:
        ears.said = [f"{each.subject} {each.detail}" for each in session.scalars(select(AuditEntry))]
    assert not ears.told(), "the audit log"


@pytest.mark.parametrize(
    "path",
    [
        "/oauth2callback/",
        "/oauth2callback/x",
        "//oauth2callback",
        "/auth/login/",
        "/auth/login/x",
        "/auth/logout",
    ],
)
def test_check_29_beside_the_two_addresses_of_the_provider_all_is_closed(path: str) -> None:
    assert is_closed(path, provider=True)


def test_check_30_the_provider_comes_back_to_our_own_name_alone(at: Wire) -> None:
    for host in ("evil.example", "localhost.evil.example", "localhost@evil.example"):
        for path in ("/oauth2callback?code=a&state=b", "/auth/login"):
            assert at.browser.get(path, headers={"Host": host}).status_code == 421
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert at.browser.request(method, "/oauth2callback").status_code == 405
