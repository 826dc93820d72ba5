"""Single sign-on in a real browser, with a real provider of OpenID Connect on another host."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from core.accounts.invitations import invite
from core.accounts.operators import disable, list_operators
from core.accounts.roles import CurrentOperator, Role
from tests.browser.steps import sign_in, sign_out
from tests.factories import make_grant, make_registration
from tests.support.live import PASSWORD, Live, live_dashboard
from tests.support.provider import CLIENT_ID, NAME, Provider, running_provider

SIGN_OUT = "Sign out"
NOBODY = "Nobody here is connected"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def live(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The dashboard with single sign-on."""
    folder = tmp_path_factory.mktemp("live")
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, **provider.settings) as running:
        yield running


def log_in_at_provider(page: Page, subject: str) -> None:
    """The provider's own form; it takes anybody."""
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible(timeout=15_000)
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize", exact=True).click()


def sign_in_with_provider(page: Page, live: Live, subject: str, path: str = "/") -> None:
    page.goto(live.url + path)
    page.get_by_role("button", name=f"Sign in with {NAME}").click()
    log_in_at_provider(page, subject)


def use_invitation(page: Page, live: Live, email: str, subject: str, role: Role = Role.SUPPORT) -> None:
    """From the link to the dashboard, by way of the provider."""
    page.goto(invite(live.app, None, email, email.split("@", maxsplit=1)[0].title(), role, "en").url)
    page.get_by_role("button", name=f"Create account with {NAME}").click()
    log_in_at_provider(page, subject)
    expect(page.get_by_role("button", name=SIGN_OUT)).to_be_visible(timeout=15_000)


def sign_out_of(page: Page) -> None:
    page.get_by_role("button", name=SIGN_OUT).click()
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)


def test_an_invitation_binds_and_signing_out_is_out(page: Page, live: Live) -> None:
    use_invitation(page, live, "carol@clickker.test", "carol-1")
    names = {cookie["name"] for cookie in page.context.cookies()}
    assert names == {"clickker_browser", "clickker_session", "clickker_form", "_streamlit_xsrf"}
    sign_out_of(page)
    page.goto(live.url + "/account")
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    sign_in_with_provider(page, live, "carol-1", "/account")
    expect(page.get_by_role("heading", name="My account")).to_be_visible(timeout=15_000)


def test_a_stranger_is_refused_with_a_way_out(page: Page, live: Live) -> None:
    live.add_operator("sam@clickker.test", "Sam", Role.SUPPORT)
    sign_in_with_provider(page, live, "sam@clickker.test")
    expect(page.get_by_text(NOBODY)).to_be_visible(timeout=15_000)
    page.goto(live.url + "/account")
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("button", name=SIGN_OUT)).to_have_count(0)


def test_declining_at_the_provider_leads_back(page: Page, live: Live) -> None:
    page.goto(live.url)
    page.get_by_role("button", name=f"Sign in with {NAME}").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text(f"Signing in with {NAME} did not succeed")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="To the sign-in page").click()
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)


def test_the_disabled_are_out_at_once_and_stay_out(page: Page, live: Live) -> None:
    use_invitation(page, live, "dan@clickker.test", "dan-1")
    by_name = {operator.name: operator for operator in list_operators(live.app, None)}
    admin = live.add_operator("ada@clickker.test", "Ada", Role.ADMIN)
    ada = CurrentOperator(admin, "ada@clickker.test", "Ada", Role.ADMIN)
    disable(live.app, ada, by_name["Dan"].id)
    page.get_by_role("link", name="My account").click()
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    sign_in_with_provider(page, live, "dan-1")
    expect(page.get_by_text("This account is disabled")).to_be_visible(timeout=15_000)


def test_an_account_with_a_password_connects_and_disconnects(page: Page, live: Live) -> None:
    live.add_operator("erik@clickker.test", "Erik", Role.SUPPORT)
    sign_in(page, live, "erik@clickker.test", "/account")
    form = page.get_by_test_id("stForm").filter(has_text=f"Connect with {NAME}")
    form.get_by_label("Present password").fill(PASSWORD)
    form.get_by_role("button", name=f"Connect with {NAME}").click()
    log_in_at_provider(page, "erik-1")
    expect(page.get_by_text(f"You can sign in with your {NAME} account.")).to_be_visible(timeout=15_000)
    sign_out(page)
    sign_in_with_provider(page, live, "erik-1", "/account")
    form = page.get_by_test_id("stForm").filter(has_text=f"Disconnect {NAME}")
    form.get_by_label("Present password").fill(PASSWORD, timeout=15_000)
    form.get_by_role("button", name=f"Disconnect {NAME}").click()
    expect(page.get_by_text(f"{NAME} no longer signs you in here.")).to_be_visible(timeout=15_000)
    sign_out(page)
    sign_in_with_provider(page, live, "erik-1")
    expect(page.get_by_text(NOBODY)).to_be_visible(timeout=15_000)


def test_a_token_for_somebody_else_lets_nobody_in(page: Page, live: Live, provider: Provider) -> None:
    use_invitation(page, live, "finn@clickker.test", "finn-1")
    sign_out_of(page)
    another: list[dict[str, object]] = [
        {"aud": "another app", "azp": CLIENT_ID},
        {"iss": "https://elsewhere.test"},
        {"nonce": "another"},
    ]
    for said in another:
        provider.says("finn-1", **said)
        sign_in_with_provider(page, live, "finn-1")
        expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible(timeout=15_000)
    provider.says("finn-1")
    sign_in_with_provider(page, live, "finn-1")
    expect(page.get_by_role("button", name=SIGN_OUT)).to_be_visible(timeout=15_000)


def test_nothing_of_the_provider_gets_to_the_browser(page: Page, live: Live) -> None:
    seen = Seen(page)
    use_invitation(page, live, "gerda@clickker.test", "gerda-1")
    page.get_by_role("link", name="My account").click()
    expect(page.get_by_role("heading", name="My account")).to_be_visible(timeout=15_000)
    assert seen.text
    assert "_streamlit_user" not in seen.text
    held = [f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies(live.url)]
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    for text in (seen.text, *held, kept):
        issuers = [json.loads(found) for found in decoded(text)]
        assert not [claims for claims in issuers if "iss" in claims or "sub" in claims]
        assert "access_token" not in text


def decoded(text: str) -> list[str]:
    """What every signed token in the text says."""
    parts = re.findall(r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]*", text)
    return [urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode() for part in parts]


class Seen:
    """All that the dashboard sends to the browser: addresses, headers, and messages over the WebSocket."""

    def __init__(self, page: Page) -> None:
        self.parts: list[str] = []
        page.on("response", self._note)
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))

    def _note(self, response: Response) -> None:
        self.parts.append(f"{response.url} {response.headers}")

    def _frame(self, payload: str | bytes) -> None:
        self.parts.append(payload if isinstance(payload, str) else payload.decode("latin-1"))

    @property
    def text(self) -> str:
        return " ".join(self.parts)


def test_what_cannot_be_undone_asks_the_provider_once_more(
    page: Page, live: Live, provider: Provider
) -> None:
    number = make_registration(live.app.database, "Slagerij Smit")
    make_grant(live.app.database, number)
    use_invitation(page, live, "ivo@clickker.test", "ivo-1")
    page.goto(f"{live.url}/registration?id={number}")
    ask_to_disconnect(page)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=f"Confirm with {NAME}")).to_be_visible(timeout=15_000)
    expect(dialog.get_by_role("button", name="Disconnect")).to_have_count(0)
    provider.says("ivo-1", auth_time=1)
    dialog.get_by_role("button", name=f"Confirm with {NAME}").click()
    log_in_at_provider(page, "ivo-1")
    expect(page.get_by_text("did not ask for your password just now")).to_be_visible(timeout=15_000)
    provider.says("ivo-1")
    page.goto(f"{live.url}/registration?id={number}")
    ask_to_disconnect(page)
    dialog.get_by_role("button", name=f"Confirm with {NAME}").click()
    log_in_at_provider(page, "ivo-1")
    expect(page.get_by_role("heading", name="Slagerij Smit")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Nothing has been done yet")).to_be_visible()
    expect(page).to_have_url(f"{live.url}/registration?id={number}")
    ask_to_disconnect(page)
    dialog.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("has been disconnected")).to_be_visible(timeout=15_000)


def ask_to_disconnect(page: Page) -> None:
    page.get_by_role("button", name="Disconnect").click(timeout=15_000)
    expect(page.get_by_role("dialog")).to_be_visible(timeout=15_000)


def test_an_export_of_everything_asks_the_provider_once_more(page: Page, live: Live) -> None:
    use_invitation(page, live, "jet@clickker.test", "jet-1")
    page.goto(live.url + "/export/registrations.csv")
    page.get_by_role("button", name=f"Confirm with {NAME}").click()
    with page.expect_download(timeout=30_000) as coming:
        log_in_at_provider(page, "jet-1")
    assert coming.value.suggested_filename.startswith("registrations-")


@pytest.fixture(scope="module")
def strict(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The dashboard with passwords switched off for everybody but Ada."""
    folder = tmp_path_factory.mktemp("strict")
    off = {"PASSWORDS": "off", "BREAK_GLASS": "ada@clickker.test"}
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, **provider.settings, **off) as running:
        yield running


def test_with_passwords_off_only_the_break_glass_account_has_one(page: Page, strict: Live) -> None:
    strict.add_operator("ada@clickker.test", "Ada", Role.ADMIN)
    strict.add_operator("bob@clickker.test", "Bob", Role.SUPPORT)
    page.goto(strict.url)
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    try_password(page, "bob@clickker.test")
    expect(page.get_by_text("do not belong together")).to_be_visible(timeout=15_000)
    try_password(page, "ada@clickker.test", fold_out=False)
    expect(page.get_by_role("button", name=SIGN_OUT)).to_be_visible(timeout=15_000)
    sign_out_of(page)
    page.goto(invite(strict.app, None, "hugo@clickker.test", "Hugo", Role.SUPPORT, "en").url)
    expect(page.get_by_role("button", name=f"Create account with {NAME}")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_have_count(0)


def try_password(page: Page, email: str, *, fold_out: bool = True) -> None:
    if fold_out:
        page.get_by_text("Emergency access").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
