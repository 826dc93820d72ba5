"""The permission itself: ended, replaced, refused, or never given."""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.rule import (
    SUBJECT_LOOKING,
    SUBJECT_NOTHING,
    SUBJECT_RECONNECT,
    Reconnect,
    Rule,
    Who,
)
from core.i18n import N_

_ENDED = N_(
    "The permission for our connection is no longer valid at Exact Online. Nothing in your bookkeeping is lost; once "
    "you have connected again, everything works as before."
)
_OUR_SETTINGS = N_(
    "The cause lies in our own settings, not with you. We are putting it right; you do not have to do anything."
)
_BEING_CHECKED = N_(
    "Exact Online did not accept one of our requests. We are checking whether it stays that way and will let you know "
    "if you have to connect again."
)

UNCONFIRMED = Rule(
    key="refusal_unconfirmed",
    who=Who.US,
    reconnect=Reconnect.NOT_YET,
    sentence=N_("Exact Online refused the consent; whether it stays so is being confirmed."),
    say=_BEING_CHECKED,
    subject=SUBJECT_LOOKING,
)
"""What a refusal means as long as it is not sure (``core.tokens.facts.grant_is_dead``)."""
ANSWERS = Rule(
    key="answers",
    who=Who.NOBODY,
    reconnect=Reconnect.NO,
    sentence=N_("The connection answers: the message is older, or is about something else."),
    say=N_("The connection with Exact Online works at the moment. You do not have to do anything."),
    subject=SUBJECT_NOTHING,
)
"""What any message means of a registration that has answered since."""
LOOKING = Rule(
    key="looking",
    who=Who.US,
    reconnect=Reconnect.NOT_KNOWN,
    sentence=N_("What is known of the registration decides here, and not the message."),
    say=_BEING_CHECKED,
    subject=SUBJECT_LOOKING,
)
"""What a message means where something else than it says is decided."""

CONSENT_RULES = (
    Rule(
        key="old_refresh_token",
        phrases=(
            "old refresh token used",
            "oud refresh token gebruikt",
            "oude refresh token gebruikt",
            "oud vernieuwingstoken gebruikt",
        ),
        kind=FailureKind.REFUSED,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_(
            "Exact Online says that this access has been renewed before and does not accept it a second time. Ask the "
            "customer to connect again."
        ),
        say=_ENDED,
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="broken_chain",
        phrases=(
            "invalid or empty chainid",
            "ongeldige of lege chainid",
            "chainid is ongeldig of leeg",
        ),
        kind=FailureKind.REFUSED,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_(
            "This consent has been replaced or withdrawn at Exact Online, often because the same Exact user gave "
            "consent once more. Ask the customer to connect again."
        ),
        say=N_(
            "Exact Online has ended the permission for our connection. That happens when the same Exact user connects "
            "once more, or withdraws the permission. Connecting again once puts it right."
        ),
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="refresh_token_expired",
        phrases=(
            "the refresh token expired at",
            "refresh token expired",
            "refresh token has expired",
            "refresh token is verlopen",
            "refreshtoken is verlopen",
            "vernieuwingstoken is verlopen",
        ),
        kind=FailureKind.REFUSED,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_(
            "The consent went unused for too long and has expired at Exact Online. Ask the customer to connect again."
        ),
        say=N_(
            "The permission for our connection has expired at Exact Online, because it went unused for too long. "
            "Connecting again once puts it right."
        ),
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="consent_refused",
        weak=("invalid grant", "unauthorized client"),
        kind=FailureKind.REFUSED,
        default=True,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_("Exact Online no longer accepts this consent. Ask the customer to connect again."),
        say=_ENDED,
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="access_denied",
        weak=(
            "access denied",
            "user denied",
            "user has denied",
            "toegang geweigerd",
            "gebruiker heeft geweigerd",
            "toestemming geweigerd",
        ),
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_(
            "No consent was given at Exact Online: whoever was there refused it. Ask the customer to connect again and "
            "to press Toestaan (Allow)."
        ),
        say=N_(
            "You were at Exact Online, but no permission was given there, so the connection has not been made. Connect "
            "again and press Toestaan (Allow) at the end."
        ),
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="client_not_found",
        phrases=(
            "client with identifier … not found",
            "client met id … niet gevonden",
            "client met identificatie … niet gevonden",
        ),
        kind=FailureKind.CLIENT,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The Exact Online of this country does not know our app. Check whether the registration has the right "
            "country; if it has, an admin must correct the client id of this environment."
        ),
        say=_OUR_SETTINGS,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="callback_not_valid",
        phrases=(
            "callback uri … is not valid",
            "callback uri is not valid",
            "callback uri … is niet geldig",
            "callback uri … is ongeldig",
        ),
        kind=FailureKind.CLIENT,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The return address of our app is another than the one registered at Exact. An admin must make the two "
            "the same in the Exact App Center, letter by letter."
        ),
        say=_OUR_SETTINGS,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="invalid_authorization_request",
        phrases=(
            "invalid authorization request",
            "ongeldig autorisatieverzoek",
            "ongeldige autorisatieaanvraag",
        ),
        who=Who.US,
        reconnect=Reconnect.NOT_YET,
        sentence=N_(
            "Exact Online could not read the request for consent. Make a new link on the registration and try once "
            "more; if it stays so, an admin must check the app's settings."
        ),
        say=N_("The link to Exact Online did not work. We will send you a new one."),
        subject=SUBJECT_LOOKING,
    ),
    Rule(
        key="invalid_client",
        weak=(
            "invalid client",
            "ongeldige client",
        ),
        kind=FailureKind.CLIENT,
        default=True,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online does not know our app: the client id or the client secret is wrong. An admin must correct "
            "the settings of this environment."
        ),
        say=_OUR_SETTINGS,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="invalid_request",
        weak=("invalid request",),
        kind=FailureKind.BAD_REQUEST,
        who=Who.US,
        reconnect=Reconnect.NOT_YET,
        sentence=N_(
            "Exact Online refused a request without saying why. During connecting, the code had been used or came too "
            "late: start Connect again. Otherwise press Check now first, as it can be a false alarm."
        ),
        say=_BEING_CHECKED,
        subject=SUBJECT_LOOKING,
    ),
    Rule(
        key="not_authenticated",
        weak=(
            "401 unauthorized",
            "unauthorized",
            "401 niet gemachtigd",
            "niet gemachtigd",
            "niet geautoriseerd",
        ),
        kind=FailureKind.NOT_AUTHENTICATED,
        default=True,
        who=Who.US,
        reconnect=Reconnect.NOT_YET,
        sentence=N_(
            "Exact Online did not accept our access. Try again; if that does not help, ask the customer to connect "
            "again."
        ),
        say=_BEING_CHECKED,
        subject=SUBJECT_LOOKING,
    ),
)
