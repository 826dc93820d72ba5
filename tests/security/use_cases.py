"""Every use case that is told who asks, and what it must ask of that person's role.

A new one is added here, or ``test_roles.py`` fails: that it asks nobody is then at least a decision.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import core.accounts
import core.alarms
import core.audit
import core.keeping
import core.registrations
from core import clock
from core.accounts.roles import Action, CurrentOperator, Role
from core.alarms.addresses import Audience, Recipient
from core.application import Application
from core.registrations.bulk import BulkAction
from core.registrations.lifeline import Outage
from core.registrations.listing import RegistrationQuery, RegistrationRow
from core.registrations.status import Status
from core.registrations.views import RegistrationForm

ANYBODY = None
"""One's own account, which everybody who is signed in may look after; and what only passes a question on."""

NEEDS: dict[str, Action | None] = {
    "accounts.confirming.confirm_by_password": ANYBODY,
    "accounts.confirming.confirm_session": ANYBODY,
    "accounts.confirming.is_fresh": ANYBODY,
    "accounts.confirming.require_fresh": ANYBODY,
    "accounts.identities.bind": ANYBODY,
    "accounts.identities.has_password": ANYBODY,
    "accounts.identities.let_go": ANYBODY,
    "accounts.identities.own_identity": ANYBODY,
    "accounts.identities.unbind": ANYBODY,
    "accounts.invitations.invite": Action.MANAGE_OPERATORS,
    "accounts.invitations.resend": Action.MANAGE_OPERATORS,
    "accounts.invitations.reset": Action.MANAGE_OPERATORS,
    "accounts.invitations.revoke": Action.MANAGE_OPERATORS,
    "accounts.key_rotation.rotate_keys": Action.ROTATE_KEYS,
    "accounts.open_sessions.end_operator_session": Action.MANAGE_OPERATORS,
    "accounts.open_sessions.end_operator_sessions": Action.MANAGE_OPERATORS,
    "accounts.open_sessions.end_other_sessions": ANYBODY,
    "accounts.open_sessions.end_own_session": ANYBODY,
    "accounts.open_sessions.operator_sessions": Action.MANAGE_OPERATORS,
    "accounts.open_sessions.own_sessions": ANYBODY,
    "accounts.operator_list.find_operators": Action.MANAGE_OPERATORS,
    "accounts.operator_list.list_operators": Action.MANAGE_OPERATORS,
    "accounts.operator_list.one_operator": Action.MANAGE_OPERATORS,
    "accounts.operators.disable": Action.MANAGE_OPERATORS,
    "accounts.operators.enable": Action.MANAGE_OPERATORS,
    "accounts.operators.rename": Action.MANAGE_OPERATORS,
    "accounts.operators.set_language": ANYBODY,
    "accounts.operators.set_role": Action.MANAGE_OPERATORS,
    "accounts.second_factor.begin_second_factor": ANYBODY,
    "accounts.second_factor.cancel_second_factor": ANYBODY,
    "accounts.second_factor.complete_second_factor": ANYBODY,
    "accounts.second_factor.own_second_factor": ANYBODY,
    "accounts.second_factor.pending_second_factor": ANYBODY,
    "accounts.second_factor.renew_recovery_codes": ANYBODY,
    "accounts.second_factor.take_away_second_factor": Action.MANAGE_OPERATORS,
    "accounts.second_factor.turn_off_second_factor": ANYBODY,
    "accounts.signing_in.change_password": ANYBODY,
    "accounts.signing_in.confirm_password": ANYBODY,
    "accounts.sso.begin_confirm": ANYBODY,
    "accounts.sso.begin_connect": ANYBODY,
    "accounts.sso.come_back": ANYBODY,
    "accounts.sso.confirm_by_provider": ANYBODY,
    "alarms.listing.list_alarms": Action.ALARMS,
    "alarms.listing.list_failing": Action.ALARMS,
    "alarms.trying.send_test": Action.ALARMS,
    "alarms.trying.try_again": Action.ALARMS,
    "audit.exports.recorded": ANYBODY,
    "audit.listing.iterate_entries": Action.AUDIT,
    "audit.listing.latest_verification": Action.AUDIT,
    "audit.listing.list_entries": Action.AUDIT,
    "audit.listing.people": Action.AUDIT,
    "audit.record.record": ANYBODY,
    "audit.record.record_alone": ANYBODY,
    "audit.verifying.verify": Action.AUDIT,
    "registrations.administrations.read_administrations": Action.CHECK,
    "registrations.administrations.save_administrations": Action.REGISTER,
    "registrations.administrations_listing.iterate_administrations": Action.EXPORT,
    "registrations.administrations_listing.list_administrations": Action.VIEW,
    "registrations.bulk.change_many": Action.REGISTER,
    "registrations.bulk.check_results": Action.VIEW,
    "registrations.bulk.request_checks": Action.CHECK,
    "registrations.bulk.rows_for_bulk": Action.EDIT_NOTE,
    "registrations.checks.check_now": Action.CHECK,
    "registrations.consent.begin_consent": Action.REGISTER,
    "registrations.consent.create_consent": Action.REGISTER,
    "registrations.customer_links.create_customer_link": Action.REGISTER,
    "registrations.customer_links.revoke_customer_link": Action.REGISTER,
    "registrations.decisions.accept_candidate": Action.REGISTER,
    "registrations.decisions.compare_candidate": Action.CHECK,
    "registrations.decisions.reject_candidate": Action.REGISTER,
    "registrations.drafts.discard_draft": Action.REGISTER,
    "registrations.drafts.open_draft": Action.REGISTER,
    "registrations.drafts.save_draft": Action.REGISTER,
    "registrations.drafts.unfinished_drafts": Action.VIEW,
    "registrations.finding.find_named": Action.VIEW,
    "registrations.form_checks.registered_as": Action.VIEW,
    "registrations.issue_views.issues_of": Action.VIEW,
    "registrations.issue_views.snooze": Action.EDIT_NOTE,
    "registrations.lifeline.would_lapse": Action.VIEW,
    "registrations.listing.iterate_registrations": Action.EXPORT,
    "registrations.listing.list_registrations": Action.VIEW,
    "registrations.lost_keys.forget_key": Action.ROTATE_KEYS,
    "registrations.noting.note": ANYBODY,
    "registrations.noting.note_alone": ANYBODY,
    "registrations.noting.note_linked": ANYBODY,
    "registrations.overview.overview": Action.VIEW,
    "registrations.reconciliation.reconciliation": Action.VIEW,
    "registrations.register.delete": Action.DELETE,
    "registrations.register.disconnect": Action.DISCONNECT,
    "registrations.register.edit": Action.EDIT_NOTE,
    "registrations.register.register": Action.REGISTER,
    "registrations.register.set_active": Action.REGISTER,
    "registrations.register.set_owner": Action.EDIT_NOTE,
    "registrations.registration.registration": Action.VIEW,
    "registrations.scope.check_visible": ANYBODY,
    "registrations.scope.find_for": ANYBODY,
    "registrations.scope.look_at": ANYBODY,
    "registrations.scope.only_owner": ANYBODY,
    "registrations.scope.visible": ANYBODY,
    "registrations.scope.within_sight": ANYBODY,
    "registrations.streaming.export": Action.EXPORT,
    "registrations.timeline.timeline": Action.VIEW,
    "registrations.unsaved.forget": Action.VIEW,
    "registrations.unsaved.forget_saved": ANYBODY,
    "registrations.unsaved.keep_details": Action.VIEW,
    "registrations.unsaved.keep_ticks": Action.VIEW,
    "registrations.unsaved.kept_details": Action.VIEW,
    "registrations.unsaved.kept_ticks": Action.VIEW,
}


def use_cases() -> dict[str, Callable[..., Any]]:
    """Every public function of these parts of core that takes ``by``, by where it is defined."""
    found: dict[str, Callable[..., Any]] = {}
    for module in _modules():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            defined = function.__module__ == module.__name__
            if defined and not name.startswith("_") and "by" in inspect.signature(function).parameters:
                found[f"{module.__name__.removeprefix('core.')}.{name}"] = function
    return found


def call(name: str, app: Application, by: CurrentOperator, number: int, **given: Any) -> Any:
    """Call a use case as ``by`` about registration ``number``; what it gives bit by bit is taken whole."""
    function = use_cases()[name]
    arguments = _ARGUMENTS | {"app": app, "by": by, "registration_id": number, "draft_id": number} | given
    arguments["operator_id"] = 2 if by.id == 1 else 1  # somebody else
    arguments["rows"] = [_row(number)]
    arguments["numbers"] = [number]
    wanted = {
        parameter.name: arguments[parameter.name]
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    }
    result = function(**wanted)
    return list(result) if inspect.isgenerator(result) else result


_FORM = RegistrationForm(name="Test B.V.", environment="nl", note="Changed")
_ARGUMENTS: dict[str, Any] = {
    "action": BulkAction.PAUSE,
    "active": False,
    "audience": Audience.SUPPORT,
    "chosen": "a new sentence to remember",
    "code": "nl",
    "codes": [100_000],
    "consent_id": "unknown",
    "email": "new@clickker.test",
    "form": _FORM,
    "issue_id": 1,
    "listed": None,
    "name": "New",
    "outage": Outage(date(2030, 1, 1), date(2030, 1, 2)),
    "owner_id": None,
    "present": "wrong",
    "opened": _FORM,
    "place": "ticks",
    "query": RegistrationQuery(),
    "read": None,
    "role": Role.SUPPORT,
    "since": clock.now(),
    "session_id": 1,
    "text": "no name in it, so no list is asked",
    "ticked": [],
    "to": Recipient(Audience.SUPPORT, 1),
    "view": None,
    "until": (clock.now() + timedelta(days=2)).date(),
}


def _row(number: int) -> RegistrationRow:
    return RegistrationRow(
        number, "Test B.V.", "nl", Status.CONNECTED, True, "", None, "", 1, None, None, None, None
    )


def _modules() -> Iterator[ModuleType]:
    for part in (core.accounts, core.alarms, core.audit, core.keeping, core.registrations):
        for found in pkgutil.iter_modules(part.__path__, f"{part.__name__}."):
            yield importlib.import_module(found.name)
