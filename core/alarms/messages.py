"""Alarms in words, at the moment they are sent: plain text, in the language of whoever reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core import clock
from core.alarms.facts import AlarmFacts
from core.alarms.outbox import OF_ONE_CUSTOMER, AlarmKind
from core.exact.environments import environment_name
from core.exact.kinds import FAMILIES, FailureKind, Family
from core.i18n import N_, _, language, ngettext
from core.registrations.action_words import action_words
from core.registrations.incident_rules import End
from core.registrations.next_action import Act, ActionFacts, NextAction, next_action, of_incident
from core.registrations.status import IncidentFact
from core.registrations.wording import moment
from core.text import neutral

LINES = 50
"""Of one kind in a digest; of the rest their number is told."""

KIND_WORDS: dict[AlarmKind, str] = {
    AlarmKind.RECONNECT_NEEDED: N_("Reconnect needed"),
    AlarmKind.LAPSES_SOON: N_("Consent lapses soon"),
    AlarmKind.RECOVERED: N_("Recovered"),
    AlarmKind.APP_REFUSED: N_("Exact accepts nobody"),
    AlarmKind.JOURNAL_FAILS: N_("Our journal cannot be written"),
    AlarmKind.INCIDENT_OPENED: N_("Incident began"),
    AlarmKind.INCIDENT_CLOSED: N_("Incident is over"),
    AlarmKind.TOKEN_ORPHANED: N_("Key set aside"),
    AlarmKind.ANSWER_MISPLACED: N_("Archive was changed"),
    AlarmKind.FIELD_REFUSED: N_("Exact changed its data"),
    AlarmKind.TEST: N_("Test"),
}
"""In the order of a digest: what asks for somebody's hands comes first."""

_HAPPENED: dict[AlarmKind, str] = {
    AlarmKind.RECONNECT_NEEDED: N_("Exact Online no longer accepts the consent of {name} ({country})."),
    AlarmKind.LAPSES_SOON: N_("The consent of {name} ({country}) lapses on {lapses}."),
    AlarmKind.RECOVERED: N_("The connection of {name} ({country}) works again."),
    AlarmKind.APP_REFUSED: N_(
        "Exact Online ({country}) has refused several customers for hours and has accepted nobody since."
    ),
    AlarmKind.JOURNAL_FAILS: N_(
        "Since {at}, a server of ours cannot write its journal, so it renews no access at Exact Online: its disk is "
        "full or cannot be written, or too much is under way. Exact Online and the customers have nothing to do with "
        "it."
    ),
    AlarmKind.INCIDENT_CLOSED: N_("Exact Online ({country}) answers again."),
    AlarmKind.TOKEN_ORPHANED: N_(
        "Exact Online gave a new key for {name} ({country}) when the connection had moved on already. The key "
        "has been kept aside."
    ),
    AlarmKind.ANSWER_MISPLACED: N_(
        "The archive of keys on our server holds for {name} ({country}) something that is not this customer's, or "
        "was changed. Nothing of it has been used."
    ),
    AlarmKind.FIELD_REFUSED: N_(
        "Exact Online ({country}) does not know something any more that we ask for: {what}. We go on without it; "
        "customers notice nothing, but what is shown of their administrations may be out of date."
    ),
    AlarmKind.TEST: N_("This is a test: alarms of Clickker Connections arrive here."),
}
_ACT: dict[AlarmKind, str] = {
    AlarmKind.APP_REFUSED: N_(
        "An admin must look in the Exact App Center whether our app still has its permission. Where it has, these "
        "customers have withdrawn their consent, and have to give it again."
    ),
    AlarmKind.JOURNAL_FAILS: N_(
        "An admin must look at that server's disk (CLICKKER_JOURNAL_DIR); its log says more. A consent that is renewed "
        "by nobody lapses after 30 days."
    ),
    AlarmKind.INCIDENT_CLOSED: N_("Nobody has to do anything."),
    AlarmKind.TOKEN_ORPHANED: N_("An admin should look whether the connection still works."),
    AlarmKind.ANSWER_MISPLACED: N_(
        "An admin must find out who wrote to the journal's folder on the server (SECURITY.md, after a leaked database)."
    ),
    AlarmKind.FIELD_REFUSED: N_("The developers must look what Exact calls it now, and ask for that."),
    AlarmKind.TEST: N_("Nobody has to do anything."),
}
"""Who acts on what is not decided in ``core.registrations.next_action``: it is about no state of a registration."""
_HAPPENED_AT_ONCE: dict[Act, str] = {
    Act.CONFIRM: N_(
        "Since {at}, Exact Online ({country}) refuses several customers at once. It can be trouble of Exact or of "
        "our app, or they have withdrawn their consent: others are being asked, and within hours it shows."
    ),
    Act.SETTINGS: N_(
        "Since {at}, Exact Online ({country}) does not know our app for several customers: its client id or secret "
        "in our settings is wrong."
    ),
    Act.NETWORK: N_(
        "Since {at}, no connection with Exact Online ({country}) comes about for several customers: the trouble is "
        "at Exact, or in our own network."
    ),
    Act.WAIT: N_(
        "Since {at}, connections of several customers with Exact Online ({country}) fail at once: the trouble is "
        "at Exact."
    ),
}
_ACT_AT_ONCE: dict[Act, str] = {
    Act.CONFIRM: N_(
        "Support is told which customers have to reconnect. If everybody is refused, an admin must look in the "
        "Exact App Center whether our app still has its permission."
    ),
    Act.SETTINGS: N_("An admin must correct the settings of this environment; then it goes on by itself."),
    Act.NETWORK: N_(
        "An admin must see whether the server reaches the internet: “clickker doctor” tells. We keep trying."
    ),
    Act.WAIT: N_("Nobody has to do anything; we keep trying."),
}
"""Of an incident that begins: what is decided for those whom it befell, in words for all of them."""
_OTHERS_ACCEPTED = (
    N_(
        "Exact Online ({country}) accepts other customers: whoever it goes on refusing is refused for a reason of "
        "their own."
    ),
    N_("Support is told which customers have to reconnect."),
)
"""The end of an incident of refusals."""
_NOBODY_LEFT = (
    N_("Exact Online ({country}): no customer is affected any more."),
    N_("Nobody has to do anything."),
)
"""The end of an incident whose customers were paused or disconnected meanwhile."""


@dataclass(frozen=True)
class Message:
    """What is sent: a title of one line, and plain text."""

    title: str
    body: str


def kind_word(kind: AlarmKind) -> str:
    """What sort of alarm it is, in the reader's language."""
    return _(KIND_WORDS[kind])


def compose(alarms: Sequence[AlarmFacts], code: str, public_url: str) -> Message:
    """One alarm as a message of its own, several as a digest; ``code`` is the reader's language."""
    with language(code):
        return _single(alarms[0], public_url) if len(alarms) == 1 else _digest(alarms, public_url)


def _single(alarm: AlarmFacts, public_url: str) -> Message:
    subject = _named(alarm) or environment_name(alarm.environment)
    title = f"{kind_word(alarm.kind)}: {subject}" if subject else kind_word(alarm.kind)
    owner = neutral(alarm.owner_name, 100)
    lines = [
        _happened(alarm),
        _act(alarm),
        _("Owner: {name}").format(name=owner) if owner else "",
        _link(alarm, public_url),
    ]
    return Message(title, "\n\n".join(line for line in lines if line))


def _digest(alarms: Sequence[AlarmFacts], public_url: str) -> Message:
    order = list(KIND_WORDS)
    ordered = sorted(alarms, key=lambda alarm: (order.index(alarm.kind), _act(alarm), -alarm.id))
    groups = [list(group) for _same, group in groupby(ordered, key=lambda a: (a.kind, _act(a)))]
    title = ngettext("{count} alarm", "{count} alarms", len(alarms)).format(count=len(alarms))
    by_kind = Counter(alarm.kind for alarm in ordered)
    counts = ", ".join(f"{count}× {kind_word(kind).lower()}" for kind, count in by_kind.items())
    parts = ["\n".join(_group(group[0].kind, group, public_url)) for group in groups]
    return Message(f"{title}: {counts}", "\n\n".join([*parts, f"{_root(public_url)}/alarms"]))


def _happened(alarm: AlarmFacts) -> str:
    if alarm.end == End.NOBODY:
        found = _NOBODY_LEFT[0]
    elif alarm.kind is AlarmKind.INCIDENT_CLOSED and _of_incident(alarm).act is Act.CONFIRM:
        found = _OTHERS_ACCEPTED[0]
    elif alarm.kind is AlarmKind.INCIDENT_OPENED:
        found = _HAPPENED_AT_ONCE[_of_incident(alarm).act]
    else:
        found = _HAPPENED[alarm.kind]
    return _(found).format(
        name=_named(alarm),
        country=environment_name(alarm.environment),
        at=moment(alarm.at),
        lapses=moment(alarm.lapses_at),
        what=neutral(alarm.what, 100),
    )


def _act(alarm: AlarmFacts) -> str:
    """Who must act: what is decided at this moment for the registration, or for those whom an incident befell."""
    if alarm.end == End.NOBODY:
        return _(_NOBODY_LEFT[1])
    if alarm.kind in OF_ONE_CUSTOMER:
        facts = (alarm.status, alarm.status_reason, alarm.failure_message, alarm.lapses_at)
        return action_words(next_action(ActionFacts.of(*facts, clock.now())))
    if alarm.kind is AlarmKind.INCIDENT_CLOSED and _of_incident(alarm).act is Act.CONFIRM:
        return _(_OTHERS_ACCEPTED[1])
    if alarm.kind is AlarmKind.INCIDENT_OPENED:
        return _(_ACT_AT_ONCE[_of_incident(alarm).act])
    return _(_ACT[alarm.kind])


def _of_incident(alarm: AlarmFacts) -> NextAction:
    kind = FailureKind(alarm.failure) if alarm.failure in set(FailureKind) else FailureKind.OUTAGE
    family = FAMILIES.get(kind, Family.OUTAGE)
    unreached = kind is FailureKind.NOT_SENT
    return of_incident(
        IncidentFact(0, family is Family.CLIENT, family is Family.REFUSAL, unreached=unreached)
    )


def _group(kind: AlarmKind, alarms: Sequence[AlarmFacts], public_url: str) -> list[str]:
    more = len(alarms) - LINES
    return [
        f"{kind_word(kind)} ({len(alarms)})",
        _act(alarms[0]),
        *(_line(alarm, public_url) for alarm in alarms[:LINES]),
        *(
            [ngettext("… and {count} more", "… and {count} more", more).format(count=more)]
            if more > 0
            else []
        ),
    ]


def _line(alarm: AlarmFacts, public_url: str) -> str:
    if alarm.incident_id is not None:
        return f"- {_happened(alarm)}"
    about = (
        f"{_named(alarm)} ({environment_name(alarm.environment)})"
        if alarm.name
        else environment_name(alarm.environment)
    )
    if alarm.kind is AlarmKind.LAPSES_SOON:
        about += f", {moment(alarm.lapses_at)}"
    where = _link(alarm, public_url) if alarm.registration_id else moment(alarm.at)
    return f"- {about}: {where}"


def _named(alarm: AlarmFacts) -> str:
    """The customer's name, which may hold anything: as one line, it cannot add a header or a line of its own."""
    return neutral(alarm.name, 100)


def _link(alarm: AlarmFacts, public_url: str) -> str:
    if alarm.registration_id is not None:
        return f"{_root(public_url)}/registration?id={alarm.registration_id}"
    return f"{_root(public_url)}/alarms"


def _root(public_url: str) -> str:
    return public_url.rstrip("/")
