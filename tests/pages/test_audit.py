"""The audit log on the screen: for admins, in words, with filters and exports, verified at a click."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.audit.events import Event
from core.audit.record import record_alone
from core.storage.audit_guard import unguard
from core.storage.models import AuditEntry
from tests.factories import make_operator
from tests.support.frame import cookies, frame


@pytest.fixture
def alice(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    admin = make_operator(app.database, "Alice", Role.ADMIN)
    cookies(monkeypatch, app, admin)
    return admin


def drawn(page: AppTest) -> str:
    """All the page says, whichever element says it."""
    assert not page.exception
    parts = (page.html, page.markdown, page.info, page.warning, page.success, page.error, page.caption)
    return "\n".join(str(element.value) for part in parts for element in part)


def test_it_says_who_did_what_on_what_from_where(app: Application, alice: CurrentOperator) -> None:
    on = "registration 7 <b>Bakker</b>"
    record_alone(app, Event.REGISTRATION_DELETED, alice, on=on, address="10.0.0.9", outcome="refused")
    shown = drawn(frame("audit"))
    assert "Deleted a registration" in shown
    assert '<a href="/registration?id=7">Registration 7 &lt;b&gt;Bakker&lt;/b&gt;</a>' in shown
    assert "Refused" in shown
    assert "10.0.0.9" in shown
    assert f'<span title="{alice.email}">Alice</span>' in shown
    assert "not been verified yet" in shown


def test_only_an_admin_sees_it(app: Application, sanne: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, None, on="operator 1 canary")
    shown = drawn(frame("audit"))
    assert "canary" not in shown
    assert "Your role does not allow this" in shown


def test_filters_narrow_it_and_travel_to_the_export(app: Application, alice: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, alice, on="operator 1 Xylofoon")
    record_alone(app, Event.SIGN_OUT, None, on="operator 2 Bob", address="10.0.0.9")
    page = frame("audit")
    page.text_input("audit_q").set_value("xylo").run()
    assert "Xylofoon" in drawn(page)
    assert "Bob" not in drawn(page)
    assert 'href="/export/audit.csv?q=xylo"' in drawn(page)
    page.selectbox("audit_event").set_value("sign_out").run()
    assert "No entry matches" in drawn(page)
    page.button("audit_clear").click().run()
    assert "Xylofoon" in drawn(page)
    assert "Bob" in drawn(page)
    page.selectbox("audit_who").set_value("visitor").run()
    assert "Xylofoon" not in drawn(page)


def test_too_few_characters_filter_nothing_and_it_says_so(app: Application, alice: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, alice, on="operator 1 Xylofoon")
    page = frame("audit")
    page.text_input("audit_q").set_value("qq").run()
    assert "Xylofoon" in drawn(page)
    assert "at least three" in drawn(page)


def test_it_is_verified_at_a_click(app: Application, alice: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, alice)
    page = frame("audit")
    page.button("audit_verify").click().run()
    assert "entries, unbroken" in drawn(page)
    assert "by Alice" in drawn(page)


def test_a_broken_log_is_said_so(app: Application, alice: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, alice)
    with app.database.transaction() as session:
        unguard(session.connection())
        session.execute(update(AuditEntry).values(address="1.2.3.4"))
    page = frame("audit")
    page.button("audit_verify").click().run()
    assert "has been changed" in drawn(page)
    assert "tampered with" in drawn(page)


def test_fifty_a_page(app: Application, alice: CurrentOperator) -> None:
    for number in range(53):
        record_alone(app, Event.SIGN_OUT, alice, on=f"operator {number} Alice")
    page = frame("audit", audit_event="Signed out")
    assert drawn(page).count("<tr>") == 51
    assert "53 found" in drawn(page)


def test_a_period_in_the_address_narrows_it(app: Application, alice: CurrentOperator) -> None:
    record_alone(app, Event.SIGN_IN, alice, on="operator 1 Xylofoon")
    today = clock.now().date()
    before, after = str(today - timedelta(days=400)), str(today + timedelta(days=400))
    assert "No entry matches" in drawn(frame("audit", audit_first=after))
    page = frame("audit", audit_first=before, audit_last=after)
    assert "Xylofoon" in drawn(page)
    assert f'href="/export/audit.csv?first={before}&amp;last={after}"' in drawn(page)


def test_of_two_with_one_name_the_filter_shows_the_one_chosen(
    app: Application, alice: CurrentOperator
) -> None:
    first = make_operator(app.database, "Jan", email="jan1@clickker.test")
    make_operator(app.database, "Jan", email="jan2@clickker.test", active=False)
    record_alone(app, Event.SIGN_IN, first, on="operator 1 Xylofoon")

    page = frame("audit")
    assert "Jan (jan2@clickker.test) (disabled)" in page.selectbox("audit_who").options
    page.selectbox("audit_who").select("Jan (jan1@clickker.test)").run()
    assert "Xylofoon" in drawn(page)
    page.selectbox("audit_who").select("Jan (jan2@clickker.test) (disabled)").run()

    assert "Xylofoon" not in drawn(page)


@pytest.mark.parametrize("name", ["who", "event", "outcome"])
def test_an_address_that_asks_for_what_is_gone_shows_nothing_and_says_so(
    app: Application, alice: CurrentOperator, name: str
) -> None:
    record_alone(app, Event.SIGN_IN, alice, on="operator 1 Xylofoon")

    page = frame("audit", **{f"audit_{name}": "gone"})

    assert "gone (gone)" in page.selectbox(f"audit_{name}").options
    assert "Xylofoon" not in drawn(page)
