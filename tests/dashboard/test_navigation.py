"""One list of pages: each with its file, its address, and who sees it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from dashboard.navigation import ENTRIES, PAGES, address
from tests.support.frame import cookies, frame


def test_every_page_has_a_file_and_every_file_is_a_page() -> None:
    assert {entry.file for entry in ENTRIES} == {path.name for path in PAGES.glob("*.py")}


def test_an_address_carries_what_it_is_given() -> None:
    assert address("overview") == "/"
    assert address("registration", id=7) == "/registration?id=7"
    assert address("registrations", q="Jansen & Zn.") == "/registrations?q=Jansen+%26+Zn."


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_a_page_opens_for_the_roles_it_is_for(
    app: Application,
    make_account: Callable[..., CurrentOperator],
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
    entry: object,
) -> None:
    who = make_account("Somebody", role)
    cookies(monkeypatch, app, who)
    test = frame(entry.file.removesuffix(".py"))  # type: ignore[attr-defined]
    refused = any("Your role does not allow this" in box.value for box in test.error)
    assert refused is not who.may(entry.action)  # type: ignore[attr-defined]
    assert not test.exception


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_offers_what_a_role_may_see(
    app: Application,
    make_account: Callable[..., CurrentOperator],
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
) -> None:
    who = make_account("Somebody", role)
    cookies(monkeypatch, app, who)
    (drawn,) = [
        html.proto.body for html in frame("registration").get("html") if 'class="menu"' in html.proto.body
    ]
    offered = re.findall(r'href="([^"]+)"', drawn)
    assert offered == [address(entry.key) for entry in ENTRIES if not entry.under and who.may(entry.action)]
    assert re.findall(r'href="([^"]+)"[^>]*aria-current', drawn) == ["/registrations"]


def test_what_is_not_in_the_menu_is_reached_from_something_that_is() -> None:
    menu = {entry.key for entry in ENTRIES if not entry.under}
    assert {entry.under for entry in ENTRIES if entry.under} <= menu
