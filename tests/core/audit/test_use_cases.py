"""Every use case that changes something leaves exactly one entry, with who did it, on what, and what came of it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.alarms.addresses import Audience, Recipient
from core.alarms.delivery import deliver_due
from core.alarms.outbox import AlarmKind
from core.alarms.trying import send_test, try_again
from core.application import Application
from core.audit.record import record as really_record
from core.errors import ClickkerError
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.bulk import BulkAction, change_many, request_checks
from core.registrations.checks import check_now
from core.registrations.consent import create_consent
from core.registrations.customer_links import create_customer_link, revoke_customer_link
from core.registrations.decisions import accept_candidate, reject_candidate
from core.registrations.drafts import discard_draft, save_draft
from core.registrations.issue_views import snooze
from core.registrations.listing import RegistrationQuery, list_registrations
from core.registrations.register import delete, disconnect, edit, register, set_active, set_owner
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.settings import ExactApp
from core.storage.database import Database
from core.storage.models import AuditEntry, Issue, Registration
from tests.factories import (
    make_administration,
    make_alarm,
    make_broken,
    make_connected,
    make_grant,
    make_operator,
    make_registration,
)
from tests.support.receivers import addressed

CORE = Path(__file__).parents[3] / "core"
READING = {"Action.VIEW", "Action.EXPORT", "Action.AUDIT"}
EXCUSED = {
    "open_draft": "reads",
    "rows_for_bulk": "reads",
    "compare_candidate": "asks Exact, and changes nothing here",
    "list_alarms": "reads",
    "list_failing": "reads",
    "begin_consent": "goes on with the attempt that create_consent recorded",
    "forget_key": "of the command line; tests/security/test_storage.py looks at its entry",
}
NAME = "Bakker B.V."
Act = Callable[["Scene"], Any]


@dataclass(frozen=True)
class Scene:
    """Where a use case is acted out."""

    app: Application
    database: Database
    by: CurrentOperator
    number: int


@dataclass(frozen=True)
class Case:
    """A use case, called; and what its entry says."""

    act: Act
    event: str
    outcome: str = "done"
    detail: str = ""
    on: str = "registration {number} Bakker B.V."
    prepare: Callable[[Scene], Any] = lambda _scene: None


def _form(**fields: Any) -> RegistrationForm:
    return replace(RegistrationForm(name=NAME, environment="nl"), **fields)


def _row(scene: Scene) -> Any:
    return list_registrations(scene.app, scene.by, RegistrationQuery(search=NAME)).rows[0]


def _candidate(scene: Scene) -> None:
    grant = make_grant(scene.database, None, full_name="Tessa Test", live=False)
    with scene.database.transaction() as session:
        session.get_one(Registration, scene.number).candidate_grant_id = grant


def _issue(scene: Scene) -> int:
    with scene.database.read() as session:
        return session.scalars(select(Issue.id).where(Issue.registration_id == scene.number)).first() or 0


def _lapse(scene: Scene) -> None:
    with scene.database.transaction() as session:
        session.add(
            Issue(
                registration_id=scene.number,
                kind="lapsed",
                level=0,
                first_seen_at=clock.now(),
                last_seen_at=clock.now(),
            )
        )


def _unlinked(scene: Scene) -> None:
    make_administration(scene.database, scene.number, "Nieuw", linked=False, permitted=True, code=77)


def _failed_alarm(scene: Scene) -> None:
    make_alarm(scene.database, AlarmKind.RECONNECT_NEEDED, make_broken(scene.database))
    deliver_due(scene.app)


def _tomorrow() -> date:
    return clock.now().date() + timedelta(days=2)


CASES: dict[str, Case] = {
    "register": Case(
        lambda s: register(s.app, s.by, None, _form(name="Nieuw B.V.")),
        "registration.created",
        on="registration {new} Nieuw B.V.",
    ),
    "edit": Case(
        lambda s: edit(s.app, s.by, s.number, _form(note="x", reference="y")),
        "registration.edited",
        detail="reference note",
    ),
    "set_active": Case(lambda s: set_active(s.app, s.by, s.number, False), "registration.paused"),
    "set_owner": Case(
        lambda s: set_owner(s.app, s.by, s.number, s.by.id), "registration.edited", detail="owner_id"
    ),
    "change_many": Case(
        lambda s: list(change_many(s.app, s.by, BulkAction.PAUSE, [_row(s)])), "registration.paused"
    ),
    "disconnect": Case(lambda s: disconnect(s.app, s.by, s.number), "registration.disconnected"),
    "delete": Case(lambda s: delete(s.app, s.by, s.number), "registration.deleted"),
    "create_consent": Case(lambda s: create_consent(s.app, s.by, s.number), "consent.started"),
    "create_customer_link": Case(
        lambda s: create_customer_link(s.app, s.by, s.number), "customer_link.created"
    ),
    "revoke_customer_link": Case(
        lambda s: revoke_customer_link(s.app, s.by, s.number),
        "customer_link.revoked",
        prepare=lambda s: create_customer_link(s.app, s.by, s.number),
    ),
    "accept_candidate": Case(
        lambda s: accept_candidate(s.app, s.by, s.number),
        "candidate.accepted",
        detail="Tessa Test",
        prepare=_candidate,
    ),
    "reject_candidate": Case(
        lambda s: reject_candidate(s.app, s.by, s.number),
        "candidate.rejected",
        detail="Tessa Test",
        prepare=_candidate,
    ),
    "read_administrations": Case(
        lambda s: read_administrations(s.app, s.by, s.number), "administrations.read", "failed"
    ),
    "check_now": Case(lambda s: check_now(s.app, s.by, s.number), "check.requested", "failed"),
    "request_checks": Case(
        lambda s: request_checks(s.app, s.by, [_row(s)]),
        "check.requested",
        detail="1",
        on="registrations {number}",
    ),
    "save_administrations": Case(
        lambda s: save_administrations(
            s.app, s.by, s.number, {77} | {a.code for a in registration(s.app, s.by, s.number).linked}
        ),
        "administrations.linked",
        detail="+77",
        prepare=_unlinked,
    ),
    "snooze": Case(
        lambda s: snooze(s.app, s.by, _issue(s), _tomorrow()),
        "issue.snoozed",
        detail=f"lapsed {_tomorrow().isoformat()}",
        prepare=_lapse,
    ),
    "save_draft": Case(
        lambda s: save_draft(s.app, s.by, None, _form(name="Half")),
        "draft.begun",
        on="registration {new} Half",
    ),
    "discard_draft": Case(
        lambda s: discard_draft(s.app, s.by, _draft(s)),
        "draft.discarded",
        on="registration {new} Half",
        prepare=lambda s: save_draft(s.app, s.by, None, _form(name="Half")),
    ),
    "send_test": Case(
        lambda s: send_test(s.app, s.by, Audience.SUPPORT),
        "alarm.tested",
        detail="support",
        on="alarm {alarm}",
    ),
    "try_again": Case(
        lambda s: try_again(s.app, s.by, Recipient(Audience.SUPPORT, 1)),
        "alarm.retried",
        detail="support 1",
        on="",
        prepare=_failed_alarm,
    ),
}


def _draft(scene: Scene) -> int:
    with scene.database.read() as session:
        return session.scalars(select(Registration.id).where(Registration.submitted_at.is_(None))).one()


@pytest.fixture
def scene(app: Application, database: Database) -> Scene:
    ready = {"nl": ExactApp(client_id="c", client_secret="s", base_url="http://127.0.0.1:1")}  # type: ignore[arg-type]
    reachable = replace(app, settings=app.settings.model_copy(update={"exact": ready}))
    told = addressed(reachable, "json://127.0.0.1:1/hook")
    admin = make_operator(database, "Alice", Role.ADMIN)
    by = replace(admin, address="198.51.100.7", session_id=None)  # fresh enough for whatever asks
    return Scene(told, database, by, make_connected(database, NAME, administrations=1))


def _entries(database: Database) -> list[AuditEntry]:
    with database.read() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def _changing() -> set[str]:
    """Functions of core that ask for an action beyond reading."""
    found = set()
    for folder in ("registrations", "alarms", "keeping"):
        for path in (CORE / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                    continue
                if "by" in {a.arg for a in node.args.args}:
                    needs = {
                        ast.unparse(call.args[1])
                        for call in ast.walk(node)
                        if isinstance(call, ast.Call) and ast.unparse(call.func) == "require"
                    }
                    if needs - READING:
                        found.add(node.name)
    return found


def test_every_changing_use_case_is_known_here() -> None:
    assert _changing() == set(CASES) | set(EXCUSED)


@pytest.mark.parametrize("name", CASES)
def test_it_leaves_exactly_one_entry(scene: Scene, name: str) -> None:
    case = CASES[name]
    case.prepare(scene)
    before = _entries(scene.database)
    try:
        case.act(scene)
    except ClickkerError:
        assert case.outcome == "failed"
    [entry] = _entries(scene.database)[len(before) :]
    on = case.on.format(number=scene.number, new=scene.number + 1, alarm=_last_word(entry.subject))
    assert (entry.event, entry.outcome, entry.subject, entry.detail) == (
        case.event,
        case.outcome,
        on,
        case.detail,
    )
    assert (entry.actor_id, entry.actor_name, entry.actor_email) == (scene.by.id, "Alice", scene.by.email)
    assert entry.address == "198.51.100.7"


def _last_word(text: str) -> str:
    return text.rsplit(maxsplit=1)[-1] if text else ""


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.outcome == "done"])
def test_what_is_rolled_back_leaves_none(scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction fails after the entry has been recorded."""
    case = CASES[name]
    case.prepare(scene)
    before = len(_entries(scene.database))

    def fails(*arguments: Any, **named: Any) -> None:
        really_record(*arguments, **named)
        raise RuntimeError("after it was recorded")

    for module in ("core.registrations.noting", "core.registrations.bulk", "core.alarms.trying"):
        monkeypatch.setattr(f"{module}.record", fails)
    with pytest.raises(RuntimeError, match="after it was recorded"):
        case.act(scene)
    assert len(_entries(scene.database)) == before


def test_bob_who_may_not_leaves_none(scene: Scene) -> None:
    bob = make_operator(scene.database, "Bob", Role.ACCOUNT_MANAGER)
    with pytest.raises(ClickkerError):
        delete(scene.app, bob, scene.number)
    assert _entries(scene.database) == []


def test_typing_on_in_a_draft_is_no_new_fact(scene: Scene) -> None:
    number = save_draft(scene.app, scene.by, None, _form(name="Half"))
    save_draft(scene.app, scene.by, number, _form(name="Half more"))
    assert [entry.event for entry in _entries(scene.database)] == ["draft.begun"]


def test_what_changes_nothing_is_no_fact(scene: Scene) -> None:
    set_active(scene.app, scene.by, scene.number, True)
    set_owner(scene.app, scene.by, scene.number, None)
    other = make_registration(scene.database, "Andere")
    revoke_customer_link(scene.app, scene.by, other)
    assert _entries(scene.database) == []
