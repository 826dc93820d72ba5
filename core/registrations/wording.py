"""Statuses and reasons in words: the same word in table, page and timeline."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime, get_timezone

from core.i18n import N_, _, current_language
from core.registrations.status import OUTAGE_KINDS, Status

STATUS_WORDS: dict[Status, str] = {
    Status.DISCONNECTED: N_("Disconnected"),
    Status.PAUSED: N_("Paused"),
    Status.DRAFT: N_("Draft"),
    Status.WAITING_FOR_CONSENT: N_("Waiting for consent"),
    Status.CHOOSE_ADMINISTRATIONS: N_("Choose administrations"),
    Status.RECONNECT_NEEDED: N_("Reconnect needed"),
    Status.EXACT_OUTAGE: N_("Exact outage"),
    Status.ATTENTION: N_("Attention"),
    Status.PARTLY_CONNECTED: N_("Partly connected"),
    Status.CONNECTED: N_("Connected"),
}

REASONS: dict[str, str] = {
    "disconnected": N_("It was disconnected here; connect again to resume."),
    "paused": N_("The connection setting is not active; the consent is only kept alive."),
    "draft": N_("It has not been sent to Exact Online yet; continue the registration."),
    "waiting_for_consent": N_("The customer has not given consent at Exact Online yet."),
    "choose_administrations": N_("Consent is there; choose the administrations and save all changes."),
    "refused": N_("Exact Online refuses this consent for good: the customer must connect again."),
    "lapsed": N_("The consent went unused for too long and lapsed: the customer must connect again."),
    "outage": N_(
        "Exact Online cannot be reached or is not answering; nobody has to do anything, we keep trying."
    ),
    "failure_refused": N_(
        "Exact Online refused the consent; this is being confirmed. You can already reconnect."
    ),
    "failure_rate_limited": N_("Exact Online asks us to slow down; the next check follows by itself."),
    "failure_too_early": N_("Exact Online asks us to wait some minutes; the next check follows by itself."),
    "failure_not_authenticated": N_(
        "Exact Online did not accept our key; check now, or reconnect if it stays so."
    ),
    "failure_forbidden": N_(
        "The Exact user may not see what we ask for; the customer's admin must widen the rights."
    ),
    "failure_bad_request": N_("Exact Online did not understand our question; tell the developers."),
    "failure_client": N_("Exact Online does not know our app; an admin must check the app's settings."),
    "failure_ours": N_("Something went wrong on our side, not at Exact Online; tell an admin."),
    "stale": N_("There has been no successful check lately, so we cannot call it connected."),
    "undecided": N_("Another Exact user gave consent; choose which login the connection runs under."),
    "no_administration_works": N_("None of the linked administrations can be reached."),
    "some_administrations_fail": N_("Some linked administrations cannot be reached; see below which."),
    "connected": N_("Everything answered at the last check."),
}


FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "environment": N_("Exact Online environment"),
    "active": N_("Connection setting"),
    "reference": N_("Customer reference"),
    "owner_id": N_("Owner"),
    "note": N_("Note"),
}
"""The fields of the form, in the order of the screen."""


def status_word(status: str) -> str:
    """The status as people say it, in the reader's language."""
    return _(STATUS_WORDS[Status(status)])


def reason_sentence(reason: str) -> str:
    """One plain sentence why, in the reader's language."""
    return _(REASONS[reason])


def failure_sentence(kind: str) -> str:
    """What a kind of failure at Exact means, in the reader's language."""
    return reason_sentence("outage" if kind in OUTAGE_KINDS else f"failure_{kind}")


def moment(at: datetime | None) -> str:
    """A moment as people in the Netherlands read it: their time zone, their language."""
    if at is None:
        return _("never")
    return format_datetime(
        at, "d MMM y HH:mm", tzinfo=get_timezone("Europe/Amsterdam"), locale=current_language()
    )
