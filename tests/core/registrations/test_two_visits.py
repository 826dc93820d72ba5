"""Connect pressed twice: whichever visit to Exact ends first or last, a good consent is used."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations, product
from urllib.parse import parse_qs, urlsplit

import pytest

from core import clock
from core.errors import NotFound
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    open_customer_link,
    revoke_customer_link,
)
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.register import disconnect
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.storage.models import Consent
from tests.support.connecting import TEST_USER
from tests.support.visits import Desk, meanwhile

ACCOUNTANT = "kantoor@vandijk-accountants.example"


def leaves(desk: Desk, number: int, browser: str | None = None) -> Begun:
    """Connect is pressed in a tab."""
    return begin_consent(desk.app, desk.by, create_consent(desk.app, desk.by, number), browser)


def back(desk: Desk, begun: Begun, user: str = TEST_USER, browser: str | None = None) -> ConsentResult:
    """The customer chose Allow in this tab."""
    answer = [("code", desk.simulator.engine.grant_code("nl", user)), ("state", state_of(begun))]
    return complete_consent(desk.app, answer, browser or begun.browser_token, None)


def denied(desk: Desk, begun: Begun) -> ConsentResult:
    answer = [("error", "access_denied"), ("state", state_of(begun))]
    return complete_consent(desk.app, answer, begun.browser_token, None)


def state_of(begun: Begun) -> str:
    return parse_qs(urlsplit(begun.authorize_url).query)["state"][0]


def test_of_two_tabs_the_older_one_alone_brings_the_consent(desk: Desk) -> None:
    number = desk.registered()
    older = leaves(desk, number)
    leaves(desk, number, older.browser_token)
    assert back(desk, older).outcome is Outcome.GRANTED
    assert registration(desk.app, desk.by, number).status is Status.CHOOSE_ADMINISTRATIONS


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_tab_brings_its_consent_in_any_order_and_the_last_is_in_force(
    desk: Desk, order: tuple[int, ...]
) -> None:
    number = desk.registered()
    tabs = [leaves(desk, number)]
    tabs += [leaves(desk, number, tabs[0].browser_token) for _tab in range(2)]
    for tab in order:
        assert back(desk, tabs[tab]).outcome is Outcome.GRANTED
        assert desk.held(number) == desk.living()
    assert len(desk.grants()) == 1
    check_now(desk.app, desk.by, number)


def test_each_answer_counts_once_all_the_same(desk: Desk) -> None:
    number = desk.registered()
    older = leaves(desk, number)
    younger = leaves(desk, number, older.browser_token)
    for tab in (older, younger):
        assert back(desk, tab).outcome is Outcome.GRANTED
    for tab in (older, younger):
        assert back(desk, tab).outcome is Outcome.REUSED_STATE


def test_a_refusal_in_one_tab_takes_nothing_from_the_other(desk: Desk) -> None:
    number = desk.registered()
    older = leaves(desk, number)
    younger = leaves(desk, number, older.browser_token)
    assert denied(desk, younger).outcome is Outcome.REFUSED
    assert back(desk, older).outcome is Outcome.GRANTED


def test_another_login_in_the_second_tab_is_put_to_an_operator(desk: Desk) -> None:
    number = desk.registered()
    older = leaves(desk, number)
    younger = leaves(desk, number, older.browser_token)
    assert back(desk, younger).outcome is Outcome.GRANTED
    assert back(desk, older, ACCOUNTANT).outcome is Outcome.NEEDS_DECISION
    view = registration(desk.app, desk.by, number)
    assert view.grant is not None
    assert view.grant.email == TEST_USER
    assert view.candidate is not None


def test_two_browsers_of_one_operator_do_not_chase_each_other_out(desk: Desk) -> None:
    number = desk.registered()
    first, second = leaves(desk, number, "first browser"), leaves(desk, number, "second browser")
    assert back(desk, first, browser="second browser").outcome is Outcome.OTHER_BROWSER
    assert back(desk, second, browser="first browser").outcome is Outcome.OTHER_BROWSER
    assert back(desk, first).outcome is Outcome.GRANTED
    assert back(desk, second).outcome is Outcome.GRANTED


def test_what_was_ended_on_purpose_is_ended_in_every_tab(desk: Desk) -> None:
    number = desk.registered()
    older = leaves(desk, number)
    younger = leaves(desk, number, older.browser_token)
    disconnect(desk.app, desk.by, number)
    for tab in (older, younger):
        assert back(desk, tab).outcome is Outcome.WITHDRAWN
    assert desk.grants() == []


@pytest.mark.parametrize("pressed", [300, 590])
def test_pressing_again_gives_the_older_tab_no_more_time(desk: Desk, pressed: int) -> None:
    number = desk.registered()
    older = leaves(desk, number, "browser")
    with clock.shifted(timedelta(seconds=pressed)):
        younger = leaves(desk, number, "browser")
    with clock.shifted(timedelta(seconds=605)):
        assert back(desk, older).outcome is Outcome.EXPIRED_STATE
        assert back(desk, younger).outcome is Outcome.GRANTED


def test_that_connect_was_pressed_again_is_no_second_entry(desk: Desk) -> None:
    number = desk.registered()
    for _press in range(8):
        leaves(desk, number, "browser")
    assert [e.kind for e in timeline(desk.app, desk.by, number)].count("consent_started") == 1


def test_pressing_without_end_leaves_a_few_attempts(desk: Desk) -> None:
    number = desk.registered()
    tabs = [leaves(desk, number, "browser") for _press in range(30)]
    with desk.app.database.read() as session:
        assert session.query(Consent).count() <= 5
    assert back(desk, tabs[0]).outcome is Outcome.UNKNOWN_STATE
    assert back(desk, tabs[-1]).outcome is Outcome.GRANTED
    assert back(desk, tabs[-2]).outcome is Outcome.GRANTED


# --- By a customer's link -------------------------------------------------------------------------------------


def link_of(desk: Desk, number: int) -> str:
    return create_customer_link(desk.app, desk.by, number).rsplit("/", 1)[1]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_link_opened_in_two_tabs_of_one_browser_brings_both(desk: Desk, order: tuple[int, ...]) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    tabs = [begin_customer_consent(desk.app, token, "browser") for _tab in range(2)]
    for tab in order:
        assert back(desk, tabs[tab]).outcome is Outcome.GRANTED
        assert desk.held(number) == desk.living()
    with pytest.raises(NotFound, match="has been used"):
        open_customer_link(desk.app, token)


def test_the_second_tab_of_a_used_link_gives_it_back_to_nobody(desk: Desk) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    first, second = (begin_customer_consent(desk.app, token, "browser") for _tab in range(2))
    assert back(desk, first).outcome is Outcome.GRANTED
    assert denied(desk, second).outcome is Outcome.REFUSED
    third = [("code", "stampNL001.never-issued"), ("state", state_of(second))]
    assert complete_consent(desk.app, third, "browser", None).outcome is Outcome.REUSED_STATE
    with pytest.raises(NotFound, match="has been used"):
        open_customer_link(desk.app, token)


def test_a_code_that_is_refused_in_the_second_tab_gives_a_used_link_back_to_nobody(desk: Desk) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    first, second = (begin_customer_consent(desk.app, token, "browser") for _tab in range(2))
    assert back(desk, first).outcome is Outcome.GRANTED
    bad = [("code", "stampNL001.never-issued"), ("state", state_of(second))]
    assert complete_consent(desk.app, bad, "browser", None).outcome is Outcome.TOKEN_ERROR
    with pytest.raises(NotFound, match="has been used"):
        open_customer_link(desk.app, token)


def test_another_browser_gets_nothing_by_a_link_that_was_used(desk: Desk) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    ours, theirs = (begin_customer_consent(desk.app, token, name) for name in ("ours", "theirs"))
    assert back(desk, ours).outcome is Outcome.GRANTED
    assert back(desk, theirs, ACCOUNTANT).outcome is Outcome.LINK_USED
    assert len(desk.grants()) == 1


def test_a_withdrawn_link_stays_withdrawn_in_every_tab(desk: Desk) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    tabs = [begin_customer_consent(desk.app, token, "browser") for _tab in range(2)]
    revoke_customer_link(desk.app, desk.by, number)
    for tab in tabs:
        assert back(desk, tab).outcome is Outcome.WITHDRAWN
    assert desk.grants() == []


@pytest.mark.parametrize("link_first", [True, False])
def test_a_link_and_connect_do_not_stand_in_each_others_way(desk: Desk, link_first: bool) -> None:
    number = desk.registered()
    by_link = begin_customer_consent(desk.app, link_of(desk, number), "customer")
    by_hand = leaves(desk, number, "operator")
    visits = (by_link, by_hand) if link_first else (by_hand, by_link)
    for visit in visits:
        assert back(desk, visit).outcome is Outcome.GRANTED
        assert desk.held(number) == desk.living()


def test_coming_back_by_a_link_in_many_tabs_is_still_told_once(desk: Desk) -> None:
    number = desk.registered()
    token = link_of(desk, number)
    for _press in range(30):
        last = begin_customer_consent(desk.app, token, "browser")
    assert denied(desk, last).outcome is Outcome.REFUSED
    assert [e.kind for e in timeline(desk.app, desk.by, number)].count("consent_failed") == 1


# --- Both at once ---------------------------------------------------------------------------------------------


MEANWHILE = list(product(["exchange", "me", "divisions"], *[[False, True]] * 3))


@pytest.mark.parametrize("scene", MEANWHILE)
def test_a_tab_that_comes_back_while_the_other_is_being_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, scene: tuple[str, bool, bool, bool]
) -> None:
    """Before or after one call of the first; the older or the younger first; by hand or by a link."""
    call, after, younger_first, by_link = scene
    number = desk.registered()
    if by_link:
        token = link_of(desk, number)
        tabs = [begin_customer_consent(desk.app, token, "browser") for _tab in range(2)]
    else:
        tabs = [leaves(desk, number, "browser") for _tab in range(2)]
    first, second = reversed(tabs) if younger_first else tabs
    outcomes = []
    meanwhile(
        monkeypatch, desk.app.exact, call, lambda: outcomes.append(back(desk, second).outcome), after=after
    )
    outcomes.append(back(desk, first).outcome)
    assert outcomes == [Outcome.GRANTED, Outcome.GRANTED]
    view = registration(desk.app, desk.by, number)
    assert view.status is Status.CHOOSE_ADMINISTRATIONS
    assert view.candidate is None
    desk.simulator.engine.advance(600)
    with clock.shifted(timedelta(seconds=600)):
        check_now(desk.app, desk.by, number)
        assert desk.held(number) == desk.living()
