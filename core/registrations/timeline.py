"""Everything that happened to a registration: who, what and why. Written with the fact, never changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.i18n import N_, _, ngettext
from core.registrations.names import known_as
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.scope import check_visible, only_owner
from core.registrations.views import TimelineView
from core.registrations.wording import (
    FIELDS,
    failure_words,
    issue_words,
    moment,
    reason_sentence,
    status_word,
)
from core.storage.models import TimelineEntry
from core.text import neutral

CUSTOMER = "customer"
EXACT = "exact"
CLICKKER = "clickker"
_PEOPLE = ("user", "before")
"""Details that name an Exact user, whom Exact may not name."""
NAMES_SHOWN = 20
"""Of administrations, in one line."""

SENTENCES: dict[str, str] = {
    "registered": N_("Registered: {name}"),
    "edited": N_("Details changed: {fields}."),
    "activated": N_("Connection setting set to Active."),
    "paused": N_("Connection setting set to not active."),
    "consent_started": N_("Went to Exact Online to ask for consent."),
    "link_created": N_("Made a link for the customer, valid until {until}."),
    "link_revoked": N_("Withdrew the link for the customer."),
    "link_opened": N_("The link for the customer was opened."),
    "consent_granted": N_("{user} gave consent at Exact Online."),
    "consent_failed": N_("Consent did not succeed: {why}"),
    "grant_shared": N_("This login also serves {names}; the new consent holds for all of them."),
    "candidate_waiting": N_(
        "{user} gave consent, but the connection was made by {before}: a choice is needed."
    ),
    "candidate_accepted": N_("The connection now runs under {user}."),
    "candidate_lost": N_(
        "Exact Online refuses the consent that was kept and never said whose it is; it has been let go."
    ),
    "candidate_rejected": N_("The new login {user} was set aside; the old connection stays."),
    "administrations_read": N_("Exact Online showed {count} administrations."),
    "administrations_saved": N_("Administrations saved. Linked: {added}; no longer linked: {removed}"),
    "checked": N_(
        "Checked at Exact Online: {count} linked administrations, {failing} of them not reachable."
    ),
    "check_failed": N_("Checked at Exact Online: {reason}."),
    "disconnected": N_("Disconnected; our keys to the bookkeeping were deleted."),
    "status": N_("Status became {status}: {reason}"),
    "reason": N_("Still {status}, for another reason: {reason}"),
    "issue_opened": N_("Something is wrong: {issue}{names}"),
    "issue_resolved": N_("No longer so: {issue}{names}"),
    "issue_snoozed": N_("Silenced until {until}: {issue}"),
}


def write(session: Session, registration_id: int, actor: str, kind: str, **details: Any) -> None:  # noqa: ANN401
    """Add an entry. ``details`` holds what the sentence names; never a secret."""
    session.add(
        TimelineEntry(
            registration_id=registration_id,
            at=clock.now(),
            actor=neutral(actor, 100),
            kind=kind,
            details={name: _neutral(value) for name, value in details.items()},
        )
    )


def _neutral(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Names come in neutral; whichever way forgot it, no timeline is forged or turned around by one."""
    if isinstance(value, str):
        return neutral(value)
    return [_neutral(item) for item in value] if isinstance(value, list) else value


def timeline(
    app: Application, by: CurrentOperator, registration_id: int, limit: int = 50
) -> tuple[TimelineView, ...]:
    """The latest entries, newest first."""
    require(by, Action.VIEW)
    query = (
        select(TimelineEntry)
        .where(TimelineEntry.registration_id == registration_id)
        .order_by(TimelineEntry.id.desc())
        .limit(limit)
    )
    with app.database.read() as session:
        check_visible(session, app, by, registration_id)
        limited = only_owner(app.settings, by) is not None
        return tuple(_view(entry, limited=limited) for entry in session.scalars(query))


def _view(entry: TimelineEntry, *, limited: bool) -> TimelineView:
    """``limited``: other customers are counted and not named, for whoever may not see them."""
    details = entry.details
    if limited and entry.kind == "grant_shared":
        count = len(details["names"])
        details = {
            "names": ngettext("{count} other customer", "{count} other customers", count).format(count=count)
        }
    return TimelineView(
        at=entry.at,
        actor=_("Somebody with the link") if entry.kind == "link_opened" else _actor(entry.actor),
        kind=entry.kind,
        sentence=_sentence(entry.kind, details),
        details=details,
    )


def _actor(actor: str) -> str:
    names = {CUSTOMER: _("The customer"), EXACT: "Exact Online", CLICKKER: "Clickker Connections"}
    return names.get(actor, actor)


def _sentence(kind: str, details: dict[str, Any]) -> str:
    """Codes and moments are stored; words are found when somebody reads, in their language."""
    shown = {key: _shown(value) for key, value in details.items()} | _worded(kind, details)
    shown |= {key: known_as(shown[key]) for key in _PEOPLE if key in shown}
    return _(SENTENCES[kind]).format(**shown)


def _worded(kind: str, details: dict[str, Any]) -> dict[str, str]:
    find = _WORDS.get(kind)
    return find(details) if find else {}


def _of_issue(details: dict[str, Any]) -> dict[str, str]:
    until, names = details.get("until"), ", ".join(details.get("names", ()))
    return {
        "issue": issue_words(details["issue"], details.get("level", 0)),
        "names": f" ({names})" if names else "",
        "until": moment(datetime.fromisoformat(until)) if until else "",
    }


def _of_status(details: dict[str, Any]) -> dict[str, str]:
    return {"status": status_word(details["status"]), "reason": reason_sentence(details["reason"])}


_WORDS: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "status": _of_status,
    "reason": _of_status,
    **dict.fromkeys(("issue_opened", "issue_resolved", "issue_snoozed"), _of_issue),
    "check_failed": lambda details: {"reason": failure_words(details["failure"])},
    "consent_failed": lambda details: {"why": ConsentResult(Outcome(details["outcome"])).title},
    "edited": lambda details: {"fields": ", ".join(_(FIELDS[field]) for field in details["fields"])},
    "link_created": lambda details: {"until": moment(datetime.fromisoformat(details["until"]))},
}


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or _("none")
    return str(value)
