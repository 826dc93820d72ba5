"""Single sign-on in a real browser, with a real provider of OpenID Connect on another host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.accounts.invitations import invite
from core.accounts.roles import Role
from tests.support.live import Live, live_dashboard
from tests.support.provider import NAME, Provider, running_provider

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


def test_an_invitation_binds_and_signing_out_is_out(page: Page, live: Live) -> None:
    use_invitation(page, live, "carol@clickker.test", "carol-1")
    names = {cookie["name"] for cookie in page.context.cookies()}
    assert names == {"clickker_browser", "clickker_session", "clickker_form", "_streamlit_xsrf"}
    page.get_by_role("button", name=SIGN_OUT).click()
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    page.goto(live.url + "/account")
    expect(page.get_by_role("button", name=f"Sign in with {NAME}")).to_be_visible(timeout=15_000)
    sign_in_with_provider(page, live, "carol-1", "/account")
    expect(page.get_by_role("heading", name="My account")).to_be_visible(timeout=15_000)
