"""The pages that lead to the provider: invitations, exports of everything, and what Streamlit is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from httpx import Response
from sqlalchemy import select

from core.accounts.identities import Identity, bind
from core.accounts.invitations import invite, reset
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import start_session, start_ticket
from core.application import Application
from core.settings import Settings
from core.storage.models import ProviderVisit
from dashboard.cookies import session_cookie
from dashboard.single_sign_on import CONFIRM_ENTRY, ENTRY, provider_secrets
from tests.support.frame import cookies, frame
from tests.support.provider_wire import ISSUER, SSO, Wire, wire, with_sso

OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def at(app: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire(with_sso(app), monkeypatch) as made:
        yield made


@pytest.fixture
def off(app: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire(with_sso(app, passwords="off", break_glass="anna@clickker.test"), monkeypatch) as made:
        yield made


def invitation(at: Wire) -> str:
    link = invite(at.app, None, "carol@clickker.test", "Carol", Role.SUPPORT, "en")
    return link.url.removeprefix(at.app.settings.public_url)


def post(at: Wire, path: str, **fields: str) -> Response:
    found = re.search(r'name="csrf" value="([^"]+)"', at.browser.get(path).text)
    assert found
    answer: Response = at.browser.post(path, data={"csrf": found[1]} | fields, headers=OURS)
    return answer


def visits(at: Wire) -> list[str]:
    with at.app.database.read() as session:
        return list(session.scalars(select(ProviderVisit.purpose)))


def test_an_invitation_offers_both_ways(at: Wire) -> None:
    text = at.browser.get(invitation(at)).text
    assert "Create account with Contoso" in text
    assert 'name="password"' in text


def test_it_leads_to_the_provider_by_a_page_that_goes_on_by_itself(at: Wire) -> None:
    answer = post(at, invitation(at), provider="1")
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    assert found
    assert found[1].startswith("/auth/login?provider=")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert visits(at) == ["invitation"]


def test_another_site_starts_no_binding(at: Wire) -> None:
    path = invitation(at)
    at.browser.get(path)
    for headers in ({"sec-fetch-site": "cross-site"}, OURS):
        assert at.browser.post(path, data={"provider": "1"}, headers=headers).status_code == 403
    assert visits(at) == []


def test_with_passwords_off_there_is_no_form_for_one(off: Wire) -> None:
    path = invitation(off)
    text = off.browser.get(path).text
    assert "Create account with Contoso" in text
    assert 'name="password"' not in text
    answer = post(off, path, password="an eel in the coffee", again="an eel in the coffee")
    assert answer.status_code == 422
    assert "switched off" in answer.text


def test_a_reset_link_asks_for_a_password_alone(
    at: Wire, make_account: Callable[..., CurrentOperator]
) -> None:
    link = reset(at.app, None, make_account("Alice").id).url.removeprefix(at.app.settings.public_url)
    assert "Contoso" not in at.browser.get(link).text
    assert post(at, link, provider="1").status_code == 403
    assert visits(at) == []


def test_without_single_sign_on_no_page_speaks_of_it(app: Application, at: Wire) -> None:
    path = invitation(at)
    with_sso(app, sso=Settings().sso)
    assert "Contoso" not in at.browser.get(path).text
    assert post(at, path, provider="1").status_code == 403
    assert visits(at) == []


def test_an_export_of_everything_asks_the_provider(
    at: Wire, make_account: Callable[..., CurrentOperator]
) -> None:
    alice = make_account("Alice")
    cookie = start_session(at.app, start_ticket(at.app, alice.id, "browser", "/"), "browser", "", "").cookie
    at.browser.cookies.set(session_cookie(at.app.settings), cookie)
    at.name()
    assert "Contoso" not in at.browser.get("/export/registrations.csv").text
    with at.app.database.transaction() as session:
        bind(session, alice, Identity(ISSUER, "alice-1"))
    answer = post(at, "/export/registrations.csv?page=2", provider="1")
    assert "/auth/login?provider=" in answer.text
    back = at.come_back(at.leave(CONFIRM_ENTRY))
    assert back.headers["location"] == "/export/registrations.csv?page=2&confirmed=yes"
    ready = at.browser.get(back.headers["location"])
    assert 'href="/export/registrations.csv?page=2"' in ready.text
    file = at.browser.get("/export/registrations.csv?page=2")
    assert file.headers["content-type"].startswith("text/csv")


def test_saying_so_in_the_address_confirms_nothing(
    at: Wire, make_account: Callable[..., CurrentOperator]
) -> None:
    alice = make_account("Alice")
    cookie = start_session(at.app, start_ticket(at.app, alice.id, "browser", "/"), "browser", "", "").cookie
    at.browser.cookies.set(session_cookie(at.app.settings), cookie)
    answer = at.browser.get("/export/registrations.csv?confirmed=yes")
    assert answer.headers["content-type"].startswith("text/html")
    assert at.browser.get("/export/registrations.csv").status_code == 403


def test_streamlit_is_told_of_our_app_and_no_more(app: Application) -> None:
    told = provider_secrets(app.settings.model_copy(update={"sso": SSO}))
    assert told
    auth = told["auth"]
    assert auth["redirect_uri"] == "http://localhost:8501/oauth2callback"
    assert len(auth["cookie_secret"]) == 64
    assert "expose_tokens" not in auth
    assert auth[ENTRY]["client_kwargs"]["scope"] == "openid"
    assert "prompt" not in auth[ENTRY]["client_kwargs"]  # Streamlit's own: choose an account
    assert auth[CONFIRM_ENTRY]["client_kwargs"]["prompt"] == "login"
    google = SSO.model_copy(
        update={"metadata_url": "https://accounts.google.com/.well-known/openid-configuration"}
    )
    told = provider_secrets(app.settings.model_copy(update={"sso": google}))
    assert told
    assert told["auth"][CONFIRM_ENTRY]["client_kwargs"]["prompt"] == "select_account"
    assert provider_secrets(app.settings) is None


def test_the_sign_in_page_begins_a_visit_to_where_one_wanted_to_be(
    at: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, at.app, None)
    gone: list[str] = []
    monkeypatch.setattr("streamlit.login", gone.append)
    test = frame("registrations", status="attention")
    test.button("sign_in_provider").click().run()
    assert gone == [ENTRY]
    with at.app.database.read() as session:
        assert session.scalars(select(ProviderVisit.target)).all() == ["/registrations?status=attention"]
    held.browser = None
    test = frame()
    test.button("sign_in_provider").click().run()
    assert "does not keep our cookie" in test.error[0].value
    assert gone == [ENTRY]


def test_with_passwords_off_the_form_is_folded_away(off: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies(monkeypatch, off.app, None)
    test = frame()
    assert [part.label for part in test.expander] == ["Emergency access"]
    assert [box.label for box in test.expander[0].text_input] == ["E-mail address", "Password"]
    with_sso(off.app, passwords="off", break_glass="")
    test = frame()
    assert not test.text_input
    assert test.button("sign_in_provider")


def test_my_account_shows_only_what_works(
    at: Wire, make_account: Callable[..., CurrentOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = make_account("Alice")
    cookies(monkeypatch, at.app, alice)
    assert "Connect with Contoso" in [button.label for button in frame("account").button]
    with at.app.database.transaction() as session:
        bind(session, alice, Identity(ISSUER, "alice-1"))
    assert "Disconnect Contoso" in [button.label for button in frame("account").button]
    with_sso(at.app, passwords="off")
    test = frame("account")
    assert not [button.label for button in test.button if "Contoso" in button.label]
    assert not test.text_input
    assert "You can sign in with your Contoso account." in [part.value for part in test.markdown]
