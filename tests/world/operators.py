"""What operators do, by the use cases that the screens use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from core.accounts.operators import rename
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.bulk import request_checks, rows_for_bulk
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import (
    create_customer_link,
    revoke_customer_link,
)
from core.registrations.decisions import accept_candidate, compare_candidate, reject_candidate
from core.registrations.drafts import save_draft
from core.registrations.issue_views import issues_of, snooze
from core.registrations.listing import RegistrationQuery
from core.registrations.register import delete, disconnect, edit, register, set_active, set_owner
from core.registrations.views import RegistrationForm
from tests.world.choice import Choice, case_of, look, operator, supporter, where
from tests.world.life import Life
from tests.world.people import Case, Tab


def registers(life: Life, choice: Choice) -> None:
    known = {case.customer.name for case in life.cases.values() if not case.deleted}
    free = [customer for customer in life.customers if customer.name not in known] or list(life.customers)
    customer = free[choice.which % len(free)]
    wrong = choice.how % 6 == 5
    country = {"nl": "be", "be": "nl"}[customer.environment] if wrong else customer.environment
    form = RegistrationForm(customer.name, country, owner_id=life.people[2].id if choice.how % 2 else None)
    running, by = where(life, choice), supporter(life, choice)

    def do() -> int:
        draft = save_draft(running.app, by, None, replace(form, name="")) if choice.how % 3 == 0 else None
        return register(running.app, by, draft, form)

    task = life.act(f"{by.name} registers {customer.name} ({country})", running, do, choice.hold)
    if task.done and isinstance(task.result, int) and task.result not in life.cases:
        life.cases[task.result] = Case(task.result, customer)
        life.figures.registrations += 1


def connects(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), supporter(life, choice)
    if case is None:
        return

    def do() -> Tab:
        consent = create_consent(running.app, by, case.number)
        begun = begin_consent(running.app, by, consent)
        return Tab(case.number, by, begun.browser_token, begun.authorize_url, life.hub.time)

    remember(life, life.act(f"{by.name} presses Connect for {case.customer.name}", running, do, choice.hold))


def remember(life: Life, task: object) -> None:
    tab = getattr(task, "result", None)
    if isinstance(tab, Tab):
        life.tabs.append(tab)
        del life.tabs[:-6]


def makes_a_link(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), supporter(life, choice)
    if case is None:
        return
    task = life.act(
        f"{by.name} makes a link for {case.customer.name}",
        running,
        lambda: create_customer_link(running.app, by, case.number),
        choice.hold,
    )
    if isinstance(task.result, str):
        life.links.append((case.number, task.result.rpartition("/")[2]))
        del life.links[:-4]


def revokes_a_link(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), supporter(life, choice)
    if case is not None:
        life.act(
            f"{by.name} withdraws the link of {case.customer.name}",
            running,
            lambda: revoke_customer_link(running.app, by, case.number),
            choice.hold,
        )


def saves(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), supporter(life, choice)
    view = look(life, case.number) if case else None
    if case is None or view is None:
        return
    offered = [a.code for a in view.administrations if a.available or a.linked]
    some = offered if choice.how % 4 else offered[: 1 + choice.how // 4 % 3]
    life.act(
        f"{by.name} saves {len(some)} of {len(offered)} administrations of {case.customer.name}",
        running,
        lambda: save_administrations(running.app, by, case.number, some),
        choice.hold,
    )


def checks(life: Life, choice: Choice) -> None:
    _simple(life, choice, "checks", check_now)


def reads(life: Life, choice: Choice) -> None:
    _simple(life, choice, "reads the administrations of", read_administrations)


def _simple(life: Life, choice: Choice, words: str, do: Callable[..., object], *more: object) -> None:
    case, running, by = case_of(life, choice), where(life, choice), supporter(life, choice)
    if case is not None:
        life.act(
            f"{by.name} {words} {case.customer.name}",
            running,
            lambda: do(running.app, by, case.number, *more),
            choice.hold,
        )


def sets_the_setting(life: Life, choice: Choice) -> None:
    active = choice.how % 2 == 1
    _simple(life, choice, "resumes" if active else "pauses", set_active, active)


def gives_an_owner(life: Life, choice: Choice) -> None:
    owner = (None, *life.people)[choice.how % 5]
    _simple(life, choice, "gives an owner to", set_owner, owner.id if owner else None)


def edits(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), operator(life, choice)
    view = look(life, case.number) if case else None
    if case is None or view is None:
        return
    opened = RegistrationForm(
        view.name, view.environment, view.active, view.reference, view.owner_id, view.note
    )
    other = {"nl": "be", "be": "nl"}.get(view.environment, "nl")
    form = (
        replace(opened, environment=case.customer.environment),
        replace(opened, environment=other),
        replace(opened, note=f"note {choice.which}"),
        replace(opened, name=f"{case.customer.name} {choice.which}"),
    )[choice.how % 4]
    changed = f"{form.name}, {form.environment}"
    if form.environment != opened.environment:
        case.let_go = life.hub.time
    life.act(
        f"{by.name} edits {case.customer.name} ({changed})",
        running,
        lambda: edit(running.app, by, case.number, form, opened),
        choice.hold,
    )


def lets_go(life: Life, choice: Choice) -> None:
    case = case_of(life, choice)
    if case is None:
        return
    deleting = choice.how % 3 == 2
    case.let_go = life.hub.time
    _simple(life, choice, "deletes" if deleting else "disconnects", delete if deleting else disconnect)
    if deleting:
        case.deleted = look(life, case.number) is None


def decides(life: Life, choice: Choice) -> None:
    waiting = [n for n, case in life.cases.items() if not case.deleted and undecided(life, n)]
    if not waiting:
        return
    number = waiting[choice.which % len(waiting)]
    case, running, by = life.cases[number], where(life, choice), supporter(life, choice)
    do, words = ((accept_candidate, "takes the other login for"), (reject_candidate, "rejects the other login of"),
                 (compare_candidate, "compares the logins of"))[choice.how % 3]  # fmt: skip
    if do is not compare_candidate:  # the login that is not taken is given up
        case.let_go = life.hub.time
    life.act(
        f"{by.name} {words} {case.customer.name}", running, lambda: do(running.app, by, number), choice.hold
    )


def undecided(life: Life, number: int) -> bool:
    view = look(life, number)
    return view is not None and view.candidate is not None


def checks_many(life: Life, choice: Choice) -> None:
    running, by = where(life, choice), supporter(life, choice)
    life.act(
        f"{by.name} has all of them checked",
        running,
        lambda: request_checks(running.app, by, rows_for_bulk(running.app, by, RegistrationQuery())),
        choice.hold,
    )


def snoozes(life: Life, choice: Choice) -> None:
    case, running, by = case_of(life, choice), where(life, choice), operator(life, choice)
    if case is None:
        return
    until = (life.hub.time + timedelta(days=2 + choice.how % 5)).date()

    def do() -> None:
        for issue in issues_of(running.app, by, case.number).open[:1]:
            snooze(running.app, by, issue.id, until)

    life.act(f"{by.name} silences what is wrong with {case.customer.name}", running, do, choice.hold)


def renames_a_colleague(life: Life, choice: Choice) -> None:
    running, admin = where(life, choice), life.people[3]
    other = life.people[choice.which % 3]
    name = f"{other.name.split()[0]} {'ABCDE'[choice.how % 5]}"
    life.act(f"{other.name} is called {name}", running, lambda: rename(running.app, admin, other.id, name))
