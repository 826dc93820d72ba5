"""Nothing is ever taken from the audit log: what a visitor without an account can cause in it has an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from core import clock
from core.application import Application
from core.storage.models import AuditEntry, Consent, TimelineEntry
from tests.support.office import ACCOUNTANT, Office, go_to_exact, press_the_button

MANY = 50


@pytest.fixture(autouse=True)
def _nobody_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brake on one address is not what is tested: a visitor may have many, and all the time in the world."""
    monkeypatch.setattr("dashboard.routes_consent.allow_address", lambda *_args: True)


def rows(app: Application) -> tuple[int, int, int]:
    """Entries of the audit log and of the timeline, and attempts."""
    with app.database.read() as session:
        counts = [
            session.scalar(select(func.count()).select_from(t)) for t in (AuditEntry, TimelineEntry, Consent)
        ]
    return counts[0] or 0, counts[1] or 0, counts[2] or 0


def added(app: Application, before: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(now - then for now, then in zip(rows(app), before, strict=True))


def test_an_old_state_replayed_is_told_once(
    signed_in: TestClient, visitors: Callable[[], TestClient], office: Office
) -> None:
    state = go_to_exact(signed_in, office)
    came = {"code": office.code(), "state": state}
    signed_in.get("/exact/callback", params=came)
    before = rows(office.app)
    for _replay in range(MANY):
        assert signed_in.get("/exact/callback", params=came).status_code == 409
        assert visitors().get("/exact/callback", params=came).status_code == 403
    assert added(office.app, before) == (2, 0, 0)


def test_a_state_that_has_expired_is_told_once(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)
    before = rows(office.app)
    for minutes in range(MANY):
        with clock.shifted(timedelta(minutes=11 + minutes)):
            came = {"code": "c", "state": state}
            assert signed_in.get("/exact/callback", params=came).status_code in {410, 403}
    assert added(office.app, before)[0] <= 2


def test_a_link_pressed_again_and_again_is_told_once_and_leaves_a_few_attempts(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    customer = visitors()
    customer.get(link)
    before = rows(office.app)
    states = [press_the_button(customer, link) for _press in range(MANY)]
    assert added(office.app, before) == (1, 0, 5)
    old = customer.get("/exact/callback", params={"code": office.code(), "state": states[0]})
    assert old.status_code == 400
    answer = customer.get("/exact/callback", params={"code": office.code(), "state": states[-1]})
    assert answer.headers["location"] == "/customer/thanks"


def test_a_link_pressed_in_many_browsers_leaves_a_few_entries(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    visitors().get(link)
    before = rows(office.app)
    for _browser in range(MANY):
        press_the_button(visitors(), link)
    entries, told, _attempts = added(office.app, before)
    assert (0 < entries <= 5, told) == (True, 0)


def test_consent_refused_by_link_again_and_again_leaves_a_few_entries(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    customer = visitors()
    customer.get(link)
    before = rows(office.app)
    for _attempt in range(MANY):
        state = press_the_button(customer, link)
        customer.get("/exact/callback", params={"error": "access_denied", "state": state})
    entries, told, _attempts = added(office.app, before)
    assert 0 < entries <= 10
    assert 0 < told <= 5
    # What counts is told all the same.
    state = press_the_button(customer, link)
    customer.get("/exact/callback", params={"code": office.code(), "state": state})
    with office.app.database.read() as session:
        events = session.scalars(select(AuditEntry.event).order_by(AuditEntry.sequence.desc()).limit(1)).all()
    assert events == ["consent.granted"]


def test_a_link_has_so_many_attempts_and_no_more(
    visitors: Callable[[], TestClient], link: str, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.registrations.customer_links.MOST_ATTEMPTS", 7)
    for _browser in range(7):
        press_the_button(visitors(), link)
    with pytest.raises(AssertionError, match="too often"):
        press_the_button(visitors(), link)
    assert rows(office.app)[2] == 7


def test_somebody_elses_code_by_a_used_link_is_told_once_for_each_attempt(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    first, second = visitors(), visitors()
    states = [press_the_button(customer, link) for customer in (first, second)]
    first.get("/exact/callback", params={"code": office.code(), "state": states[0]})
    before = rows(office.app)
    for _replay in range(MANY):
        second.get("/exact/callback", params={"code": office.code(ACCOUNTANT), "state": states[1]})
    assert added(office.app, before)[0] <= 2


def test_looking_at_a_link_and_guessing_links_and_states_leaves_no_entry(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    customer = visitors()
    customer.get(link)
    before = rows(office.app)
    for number in range(MANY):
        customer.get(link)
        customer.get(f"/customer/guess-{number}")
        customer.get(f"/invitation/guess-{number}")
        customer.get("/exact/callback", params={"code": "c", "state": f"guess-{number}"})
        customer.get("/session/start", params={"ticket": f"guess-{number}"})
    assert added(office.app, before) == (0, 0, 0)
