"""Programs look at links before people do: only what a person does counts, and words say no more than is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from core.accounts.roles import Role
from core.accounts.sessions import start_ticket
from core.audit.event_words import actor_word
from core.audit.listing import AuditQuery, iterate_entries
from core.registrations.timeline import timeline
from core.storage.models import AuditEntry, CustomerLink, TimelineEntry
from tests.factories import make_operator
from tests.support.office import Office, go_to_exact, press_the_button

PERSON = {
    "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"
}  # fmt: skip
ROBOTS = {
    "WhatsApp": {"User-Agent": "WhatsApp/2.23.20.0"},
    "Slack": {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    "a browser that fetches ahead": PERSON | {"Sec-Purpose": "prefetch"},
    "one that draws ahead": PERSON | {"Sec-Purpose": "prefetch;prerender"},
    "an older one that fetches ahead": PERSON | {"Purpose": "prefetch"},
    "Safari's top sites": PERSON | {"X-Purpose": "preview"},
    "Firefox of old": PERSON | {"X-Moz": "prefetch"},
    "a frame in a mail program": PERSON | {"Sec-Fetch-Dest": "iframe"},
    "a script": PERSON | {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
}


def noted(office: Office) -> tuple[bool, int, int]:
    """Whether the link counts as opened, and the entries of timeline and audit log that say so."""
    with office.app.database.read() as session:
        [link] = session.scalars(select(CustomerLink))
        told = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "link_opened")).all()
        logged = session.scalars(select(AuditEntry).where(AuditEntry.event == "customer_link.opened")).all()
    return link.opened_at is not None, len(told), len(logged)


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_robot_has_not_opened_it(
    visitors: Callable[[], TestClient], link: str, office: Office, robot: str
) -> None:
    assert visitors().get(link, headers=ROBOTS[robot]).status_code == 200
    assert noted(office) == (False, 0, 0)
    assert office.registration.link is not None
    assert office.registration.link.opened_at is None


@pytest.mark.parametrize("headers", [{}, PERSON])
def test_asking_for_the_head_opens_nothing(
    visitors: Callable[[], TestClient], link: str, office: Office, headers: dict[str, str]
) -> None:
    assert visitors().head(link, headers=headers).status_code == 200
    assert noted(office) == (False, 0, 0)


def test_a_browser_that_somebody_steers_has_opened_it_and_nobody_says_who(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    visitors().get(link, headers=PERSON)
    visitors().get(link, headers=PERSON)
    assert noted(office) == (True, 1, 1)
    entry = timeline(office.app, office.alice, office.number)[0]
    assert (entry.actor, entry.sentence) == (
        "Somebody with the link",
        "The link for the customer was opened.",
    )
    admin = make_operator(office.app.database, "Root", Role.ADMIN)
    found = [
        row for row in iterate_entries(office.app, admin, AuditQuery()) if row.event == "customer_link.opened"
    ]
    assert [actor_word(row) for row in found] == ["Somebody with the link"]


def test_who_goes_on_to_exact_has_opened_it_whatever_the_browser_tells(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    assert office.registration.link is not None
    assert office.registration.link.went_at is None
    press_the_button(visitors(), link)
    view = office.registration.link
    assert view is not None
    assert view.opened_at is not None
    assert view.went_at is not None


ASIDE = [("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch"}), ("GET", {"Purpose": "prefetch"})]


@pytest.mark.parametrize(("method", "headers"), ASIDE)
def test_nothing_is_used_up_before_somebody_goes_there(
    signed_in: TestClient, office: Office, method: str, headers: dict[str, str]
) -> None:
    """An answer of Exact, a ticket to a session, an export, an attempt: asked for ahead, it is still there."""
    state = go_to_exact(signed_in, office)
    came = {"code": office.code(), "state": state}
    ticket = start_ticket(office.app, office.alice.id, "browser", "/")
    with office.app.database.read() as session:
        before = len(session.scalars(select(AuditEntry)).all())
    for path, query in (
        ("/exact/callback", came),
        ("/exact/connect", {"consent": office.create_consent()}),
        ("/session/start", {"ticket": ticket}),
        ("/session/end", {}),
        ("/export/registrations.csv", {}),
    ):
        answer = signed_in.request(method, path, params=query, headers=headers)
        assert answer.status_code == 405, path
    with office.app.database.read() as session:
        assert len(session.scalars(select(AuditEntry)).all()) == before
    assert signed_in.get("/exact/callback", params=came).headers["location"] == f"/choose?id={office.number}"
