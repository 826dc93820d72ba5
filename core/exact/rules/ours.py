"""Requests of ours that Exact Online cannot serve, and messages that say too little."""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.rule import SUBJECT_LOOKING, SUBJECT_NOTHING, Reconnect, Rule, Who
from core.i18n import N_

_OUR_REQUEST = N_(
    "Our program asked Exact Online a wrong question. We are putting it right; you do not have to do anything."
)

OUR_RULES = (
    Rule(
        key="unrecognized_literal",
        phrases=(
            "unrecognized edm … literal",
            "niet herkende guid indeling",
        ),
        kind=FailureKind.BAD_REQUEST,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online could not read a value in our request: a fault in our program. Report this to an admin of "
            "Clickker Connections, with the words of Exact Online."
        ),
        say=_OUR_REQUEST,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="select_or_top",
        phrases=(
            "please add a select or a top 1",
            "voeg een select of een top 1",
        ),
        kind=FailureKind.BAD_REQUEST,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Our request asked Exact Online for too much at once: a fault in our program. Report this to an admin of "
            "Clickker Connections, with the words of Exact Online."
        ),
        say=_OUR_REQUEST,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="unknown_field",
        phrases=("could not find a property named", "geen eigenschap gevonden met de naam"),
        kind=FailureKind.BAD_REQUEST,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online does not know a field that our program asks for. Report this to an admin of Clickker "
            "Connections, with the words of Exact Online."
        ),
        say=_OUR_REQUEST,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="not_found",
        weak=(
            "404 not found",
            "resource not found",
            "resource … was not found",
            "bron niet gevonden",
            "404 niet gevonden",
        ),
        kind=FailureKind.BAD_REQUEST,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online cannot find what was asked for: it has been removed, or it belongs to another "
            "administration. Report this to an admin of Clickker Connections if it stays so."
        ),
        say=_OUR_REQUEST,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="bad_request",
        weak=(
            "400 bad request",
            "bad request",
            "400 ongeldige aanvraag",
            "ongeldige aanvraag",
            "ongeldig verzoek",
        ),
        kind=FailureKind.BAD_REQUEST,
        default=True,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online did not understand our request. Report this to an admin of Clickker Connections, with the "
            "words of Exact Online."
        ),
        say=_OUR_REQUEST,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="ours",
        phrases=("stored secret was changed or moved", "stored secret was made with is not in the settings"),
        kind=FailureKind.OURS,
        default=True,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Something went wrong on our side, not at Exact Online. Tell an admin of Clickker Connections; the log "
            "says more."
        ),
        say=N_("Something went wrong on our side. We are putting it right; you do not have to do anything."),
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="connection_lost",
        weak=(
            "connection lost",
            "lost connection",
            "verbinding verbroken",
            "verbinding is verbroken",
            "verbinding verloren",
            "koppeling verbroken",
            "koppeling is verbroken",
        ),
        who=Who.US,
        reconnect=Reconnect.NOT_YET,
        sentence=N_(
            "This says only that a connection was lost, not why. Open the registration and press Check now: the answer "
            "says whether connecting again helps."
        ),
        say=N_(
            "The connection with Exact Online was lost. We are looking for the cause and will let you know if you have "
            "to connect again."
        ),
        subject=SUBJECT_LOOKING,
    ),
)

UNKNOWN = Rule(
    key="unknown",
    who=Who.US,
    reconnect=Reconnect.NOT_KNOWN,
    sentence=N_(
        "This message is not known here. Open the registration and press Check now; if that does not tell either, send "
        "the message to an admin of Clickker Connections."
    ),
    say=N_("We do not know this message yet. We are looking into it and will let you know."),
    subject=SUBJECT_LOOKING,
)
"""What is said of every other message."""
