"""A browser that translates all the same breaks nothing; the page says in which language it is, and to keep off."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.accounts.roles import Role
from tests.browser import steps
from tests.support.live import PASSWORD, Live

EMAIL, DUTCH = "tolk@clickker.test", "vertaler@clickker.test"
TEXTS = """
const texts=[],walker=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT);
while(walker.nextNode()){
  const node=walker.currentNode,tag=node.parentElement&&node.parentElement.nodeName;
  if(node.data.trim()&&!["SCRIPT","STYLE","TEXTAREA","FONT"].includes(tag))texts.push(node)
}
"""
WRAP = (
    "() => {"
    + TEXTS
    + """
for(const node of texts){
  const outer=document.createElement("font"),inner=document.createElement("font");
  node.parentNode.insertBefore(outer,node);outer.appendChild(inner);inner.appendChild(node)
}
return texts.length}"""
)
REPLACE = (
    "() => {"
    + TEXTS
    + """
for(const node of texts){
  const outer=document.createElement("font"),inner=document.createElement("font");
  inner.textContent=node.data;outer.appendChild(inner);
  node.parentNode.insertBefore(outer,node);node.remove()
}
return texts.length}"""
)


@pytest.fixture(scope="module", autouse=True)
def _operators(live: Live) -> None:
    live.add_operator(EMAIL, "Tom Tolk", Role.ADMIN, "en")
    live.add_operator(DUTCH, "Vera Vertaler", Role.ADMIN, "nl")


WAYS = [(WRAP, "Gewikkeld B.V.", steps.TESSA), (REPLACE, "Vervangen B.V.", "info@bakkerbv.example")]


@pytest.mark.parametrize("way", WAYS)
def test_saving_all_changes_on_a_translated_page(
    live: Live, page: Page, complaints: list[str], way: tuple[str, str, str]
) -> None:
    how, name, user = way
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, name)
    page.get_by_role("button", name="Connect").click()
    steps.log_in_at_exact(page, user)
    steps.allow(page)
    expect(page.get_by_role("heading", name="Choose administrations")).to_be_visible(timeout=15_000)
    assert page.evaluate(how) > 20
    page.get_by_text("Select all", exact=True).click()
    expect(page.get_by_text(re.compile(r"^0 of \d+ chosen$"))).to_have_count(0)
    expect(page.get_by_role("checkbox", name="Select all", checked=True)).to_have_count(1)
    page.evaluate(how)
    page.get_by_role("button", name="Save all changes").click()
    expect(page.get_by_role("button", name="Save all the same")).to_be_visible()
    page.evaluate(how)
    page.get_by_role("button", name="Save all the same").click()
    expect(page.get_by_role("heading", name="Registration complete")).to_be_visible()
    expect(page.get_by_role("heading", name="Choose administrations")).to_have_count(0)
    page.evaluate(how)
    page.get_by_role("link", name="Registrations", exact=True).click()
    expect(page.get_by_role("heading", name="Registrations", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Registration complete")).to_have_count(0)
    assert broken == []
    assert [told for told in complaints if "NotFoundError" in told or "not a child" in told] == []
    assert "NotFoundError" not in page.content()


@pytest.mark.parametrize("how", [WRAP, REPLACE])
def test_what_changes_on_a_translated_page_is_shown_once(live: Live, page: Page, how: str) -> None:
    """No old text stays beside the new one, and no page falls over."""
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    steps.enter(page, live, EMAIL, "/registrations")
    for words in ("nothing is called so", "nor this", ""):
        page.evaluate(how)
        page.get_by_label("Search").first.fill(words)
        page.get_by_label("Search").first.press("Enter")
        page.wait_for_timeout(600)
    for title in (
        "Overview",
        "Administrations",
        "Alarms",
        "Lifeline",
        "Operators",
        "Audit",
        "My account",
    ):
        page.evaluate(how)
        page.get_by_role("link", name=title, exact=True).click()
        expect(page.locator("[data-testid=stMain] h1")).to_have_text([title], timeout=15_000)
    assert broken == []


def test_the_page_tells_translators_to_keep_off(live: Live, page: Page) -> None:
    for path in ("/", "/customer/not-known"):
        page.goto(live.url + path)
        expect(page.locator('meta[name="google"]')).to_have_attribute("content", "notranslate")
        expect(page.locator("body")).to_have_attribute("translate", "no")


def test_the_language_of_the_page_is_the_operators(live: Live, page: Page) -> None:
    page.goto(live.url)
    root = page.locator("html")
    expect(root).to_have_attribute("lang", "en")
    page.get_by_label("E-mail address").fill(DUTCH)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Uitloggen")).to_be_visible(timeout=15_000)
    expect(root).to_have_attribute("lang", "nl")
    page.goto(live.url + "/account")
    assert '<html lang="nl"' in page.request.get(live.url + "/account").text()
    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=15_000)
    expect(root).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Nederlands").or_(
        page.get_by_role("radio", name="Nederlands")
    ).first.click()
    expect(root).to_have_attribute("lang", "nl")
