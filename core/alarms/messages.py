"""Alarms in words, at the moment they are sent: plain text, in the language of whoever reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core.alarms.facts import AlarmFacts
from core.alarms.outbox import AlarmKind
from core.exact.environments import environment_name
from core.i18n import N_, _, language, ngettext
from core.registrations.wording import moment
from core.text import neutral

LINES = 50
"""Of one kind in a digest; of the rest their number is told."""

KIND_WORDS: dict[AlarmKind, str] = {
    AlarmKind.RECONNECT_NEEDED: N_("Reconnect needed"),
    AlarmKind.LAPSES_SOON: N_("Consent lapses soon"),
    AlarmKind.RECOVERED: N_("Recovered"),
    AlarmKind.INCIDENT_OPENED: N_("Exact outage began"),
    AlarmKind.INCIDENT_CLOSED: N_("Exact outage is over"),
    AlarmKind.TOKEN_ORPHANED: N_("Key set aside"),
    AlarmKind.TEST: N_("Test"),
}
"""In the order of a digest: what asks for somebody's hands comes first."""

_HAPPENED: dict[AlarmKind, str] = {
    AlarmKind.RECONNECT_NEEDED: N_("Exact Online no longer accepts the consent of {name} ({country})."),
    AlarmKind.LAPSES_SOON: N_("The consent of {name} ({country}) lapses on {lapses}."),
    AlarmKind.RECOVERED: N_("The connection of {name} ({country}) works again."),
    AlarmKind.INCIDENT_OPENED: N_(
        "Since {at}, connections of several customers with Exact Online ({country}) fail at once: the trouble is "
        "at Exact. Alarms of these customers wait until it is over."
    ),
    AlarmKind.INCIDENT_CLOSED: N_("Exact Online ({country}) answers again."),
    AlarmKind.TOKEN_ORPHANED: N_(
        "Exact Online gave a new key for {name} ({country}) when the connection had moved on already. The key "
        "has been kept aside."
    ),
    AlarmKind.TEST: N_("This is a test: alarms of Clickker Connections arrive here."),
}
_ACT: dict[AlarmKind, str] = {
    AlarmKind.RECONNECT_NEEDED: N_(
        "The customer has to give consent again: open the registration and reconnect, or send the customer a link."
    ),
    AlarmKind.LAPSES_SOON: N_(
        "Support: open the registration and check it; if that does not help, let the customer reconnect in time."
    ),
    AlarmKind.RECOVERED: N_("Nobody has to do anything."),
    AlarmKind.INCIDENT_OPENED: N_("Nobody has to do anything; we keep trying."),
    AlarmKind.INCIDENT_CLOSED: N_("Nobody has to do anything."),
    AlarmKind.TOKEN_ORPHANED: N_("An admin should look whether the connection still works."),
    AlarmKind.TEST: N_("Nobody has to do anything."),
}


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
        _(_HAPPENED[alarm.kind]).format(
            name=_named(alarm),
            country=environment_name(alarm.environment),
            at=moment(alarm.at),
            lapses=moment(alarm.lapses_at),
        ),
        _(_ACT[alarm.kind]),
        _("Owner: {name}").format(name=owner) if owner else "",
        _link(alarm, public_url),
    ]
    return Message(title, "\n\n".join(line for line in lines if line))


def _digest(alarms: Sequence[AlarmFacts], public_url: str) -> Message:
    order = list(KIND_WORDS)
    ordered = sorted(alarms, key=lambda alarm: (order.index(alarm.kind), -alarm.id))
    kinds = [(kind, list(group)) for kind, group in groupby(ordered, key=lambda alarm: alarm.kind)]
    title = ngettext("{count} alarm", "{count} alarms", len(alarms)).format(count=len(alarms))
    counts = ", ".join(f"{len(group)}× {kind_word(kind).lower()}" for kind, group in kinds)
    parts = ["\n".join(_group(kind, group, public_url)) for kind, group in kinds]
    return Message(f"{title}: {counts}", "\n\n".join([*parts, f"{_root(public_url)}/alarms"]))


def _group(kind: AlarmKind, alarms: Sequence[AlarmFacts], public_url: str) -> list[str]:
    more = len(alarms) - LINES
    return [
        f"{kind_word(kind)} ({len(alarms)})",
        _(_ACT[kind]),
        *(_line(alarm, public_url) for alarm in alarms[:LINES]),
        *(
            [ngettext("… and {count} more", "… and {count} more", more).format(count=more)]
            if more > 0
            else []
        ),
    ]


def _line(alarm: AlarmFacts, public_url: str) -> str:
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
