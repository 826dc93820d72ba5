"""What customers do at Exact and in their browsers, and what changes there."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from core.registrations.callback import complete_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    open_customer_link,
)
from core.registrations.outcomes import ConsentResult
from core.simulator.answers import Answer
from core.simulator.consent import AuthorizationRequest, Continue, Decision, Redirect
from core.simulator.context import consent_of
from core.simulator.data import DEMO_PASSWORD
from tests.world.choice import Choice, where
from tests.world.life import Life
from tests.world.operators import connects, registers, remember, saves
from tests.world.people import Customer, Tab


def presses_the_link(life: Life, choice: Choice) -> None:
    if not life.links:
        return
    number, token = life.links[choice.which % len(life.links)]
    running = where(life, choice)

    def do() -> Tab:
        open_customer_link(running.app, token)
        begun = begin_customer_consent(running.app, token)
        return Tab(number, None, begun.browser_token, begun.authorize_url, life.hub.time)

    name = life.cases[number].customer.name if number in life.cases else "?"
    remember(life, life.act(f"the customer of {name} presses the link's button", running, do, choice.hold))


def onboards(life: Life, choice: Choice) -> None:
    """The whole path of the manual in one go, as on most days; what is to be held or to end is the return."""
    new = is_registered(life, replace(choice, how=0, hold=None))
    if new is not None:
        connects_and_saves(life, replace(choice, which=new))


def is_registered(life: Life, choice: Choice) -> int | None:
    """The ``which`` of a new registration; None when there is none."""
    known = len(life.cases)
    registers(life, choice)
    return None if len(life.cases) == known else len([c for c in life.cases.values() if not c.deleted]) - 1


def connects_and_saves(life: Life, choice: Choice) -> None:
    """A connection anew, from Connect to Save."""
    connects(life, replace(choice, hold=None))
    life.figures.steps += 2
    answers(life, replace(choice, which=0))
    if choice.how % 5:
        saves(life, replace(choice, hold=None))


def _tab(life: Life, choice: Choice) -> Tab | None:
    return life.tabs[-1 - choice.which % len(life.tabs)] if life.tabs else None


def answers(life: Life, choice: Choice) -> None:
    """Logs in at Exact, allows or denies there, and the browser comes back."""
    fresh = [tab for tab in life.tabs if tab.query is None]
    if not fresh:
        connects(life, replace(choice, hold=None))
        fresh = [tab for tab in life.tabs if tab.query is None]
    if not fresh:
        return
    tab = fresh[-1 - choice.which // 4 % len(fresh)]
    tab.query = _at_exact(life, tab, choice)
    if tab.query is not None:
        _comes_back(life, tab, choice, tab.token)


def comes_back_again(life: Life, choice: Choice) -> None:
    """A reload, a late return, or the same address in another browser."""
    tab = _tab(life, choice)
    if tab is not None and tab.query is not None:
        _comes_back(life, tab, choice, "another browser" if choice.how % 3 == 2 else tab.token)


def _at_exact(life: Life, tab: Tab, choice: Choice) -> list[tuple[str, str]] | None:
    case, asked = life.cases.get(tab.number), dict(parse_qsl(urlsplit(tab.url).query))
    environment = urlsplit(tab.url).path.split("/")[1]
    if case is None:
        return None
    engine, browser = life.engine, f"browser {tab.number}"
    request = AuthorizationRequest(
        environment, asked["client_id"], asked["redirect_uri"], state=asked["state"], force_login=True,
        code_challenge=asked.get("code_challenge", ""),
    )  # fmt: skip
    page = engine.authorize(request, browser)
    if not isinstance(page, Continue):
        return _query_of(page.url) if isinstance(page, Redirect) else None
    login = _who_logs_in(life, case.customer, environment, choice)
    attempt = engine.attempt(page.attempt_id, browser)
    if attempt is None or engine.log_in(attempt.id, browser, attempt.csrf, login, DEMO_PASSWORD) is not None:
        life.tell(f"{login} cannot log in at Exact {environment}")
        return None
    decision = _decision(life, environment, login, choice)
    back = engine.decide(attempt.id, browser, attempt.csrf, decision)
    said = "allows" if decision.allow else "denies"
    life.tell(f"{login} {said} at Exact {environment}, for {case.customer.name}")
    return _query_of(back.url) if isinstance(back, Redirect) else None


def _query_of(url: str | Answer) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(str(url)).query, keep_blank_values=True)


def _who_logs_in(life: Life, customer: Customer, environment: str, choice: Choice) -> str:
    others = [user.name for user in life.engine.users(environment)]
    wrong = choice.how % 7 == 6
    return others[choice.who % len(others)] if wrong or customer.login not in others else customer.login


def _decision(life: Life, environment: str, login: str, choice: Choice) -> Decision:
    if choice.how // 7 % 6 == 5:
        return Decision(allow=False)
    if choice.how // 7 % 6 == 4:
        codes = [division.code for division in life.engine.divisions(environment, login)]
        return Decision(True, False, frozenset(codes[: 1 + choice.how // 42 % len(codes)]), True, True)
    return Decision(True, True, frozenset(), True, True)


def _comes_back(life: Life, tab: Tab, choice: Choice, token: str) -> None:
    running = life.running(choice.who // 4)
    by = tab.operator.id if tab.operator else None
    query = list(tab.query or [])
    case = life.cases[tab.number]
    task = life.act(
        f"the browser of {case.customer.name} comes back",
        running,
        lambda: complete_consent(running.app, query, token, by),
        choice.hold,
        about=tab,
    )
    if isinstance(task.result, ConsentResult):
        life.story[-1] += f" → {task.result.outcome.value}"
        life.figures.ends[task.result.outcome.value] += 1


def withdraws(life: Life, choice: Choice) -> None:
    for environment, login in consented(life)[choice.which % 7 :][:1]:
        life.engine.revoke(environment, login)
        life.tell(f"{login} withdraws the consent at Exact {environment}")


def changes_the_permission(life: Life, choice: Choice) -> None:
    for environment, login in consented(life)[choice.which % 7 :][:1]:
        codes = [division.code for division in life.engine.divisions(environment, login)]
        some = codes[: 1 + choice.how // 2 % len(codes)]
        life.engine.set_scope(environment, login, "all" if choice.how % 2 else some)
        life.tell(f"{login} now permits {'all' if choice.how % 2 else len(some)} at Exact {environment}")


def consented(life: Life) -> list[tuple[str, str]]:
    return [
        (user.environment, user.name)
        for user in life.engine.users()
        if consent_of(life.engine._context, user.environment, life.client_id(user.environment), user.name)
    ]


def an_administration_changes(life: Life, choice: Choice) -> None:
    divisions = life.engine._context.directory.divisions
    one = divisions[choice.which % len(divisions)]
    changes: dict[str, int] = ({"status": 2}, {"status": 1}, {"blocking": 1}, {"blocking": 0}, {"status": 0})[
        choice.how % 5
    ]
    life.engine.set_division(one.environment, one.code, **changes)  # type: ignore[arg-type]
    life.tell(f"{one.name} at Exact: {changes}")


def an_administration_is_new(life: Life, choice: Choice) -> None:
    users = life.engine.users()
    user = users[choice.which % len(users)]
    if len(life.engine._context.state.added) < 4:
        life.engine.add_division(user.environment, user.name, f"New of {user.full_name}")
