"""Alarms in words, at the moment they are sent: plain text, in the language of whoever reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core.alarms.facts import AlarmFacts
from core.alarms.outbox import AlarmKind
from core.exact.environments import environment_name
from core.exact.kinds import FAMILIES, FailureKind, Family
from core.i18n import N_, _, language, ngettext
from core.registrations.incident_rules import End
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
    AlarmKind.INCIDENT_OPENED: N_(
        "Since {at}, connections of several customers with Exact Online ({country}) fail at once: the trouble is "
        "at Exact."
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
    AlarmKind.RECONNECT_NEEDED: N_(
        "The customer has to give consent again: open the registration and reconnect, or send the customer a link."
    ),
    AlarmKind.LAPSES_SOON: N_(
        "Support: open the registration and check it; if that does not help, let the customer reconnect in time."
    ),
    AlarmKind.RECOVERED: N_("Nobody has to do anything."),
    AlarmKind.APP_REFUSED: N_(
        "An admin must look in the Exact App Center whether our app still has its permission. Where it has, these "
        "customers have withdrawn their consent, and have to give it again."
    ),
    AlarmKind.JOURNAL_FAILS: N_(
        "An admin must look at that server's disk (CLICKKER_JOURNAL_DIR); its log says more. A consent that is renewed "
        "by nobody lapses after 30 days."
    ),
    AlarmKind.INCIDENT_OPENED: N_("Nobody has to do anything; we keep trying."),
    AlarmKind.INCIDENT_CLOSED: N_("Nobody has to do anything."),
    AlarmKind.TOKEN_ORPHANED: N_("An admin should look whether the connection still works."),
    AlarmKind.ANSWER_MISPLACED: N_(
        "An admin must find out who wrote to the journal's folder on the server (SECURITY.md, after a leaked database)."
    ),
    AlarmKind.FIELD_REFUSED: N_("The developers must look what Exact calls it now, and ask for that."),
    AlarmKind.TEST: N_("Nobody has to do anything."),
}
_BY_FAILURE: dict[tuple[AlarmKind, str], tuple[str, str]] = {
    (AlarmKind.INCIDENT_OPENED, Family.REFUSAL): (
        N_(
            "Since {at}, Exact Online ({country}) refuses several customers at once. It can be trouble of Exact or of "
            "our app, or they have withdrawn their consent: others are being asked, and within hours it shows."
        ),
        N_(
            "Support is told which customers have to reconnect. If everybody is refused, an admin must look in the "
            "Exact App Center whether our app still has its permission."
        ),
    ),
    (AlarmKind.INCIDENT_CLOSED, Family.REFUSAL): (
        N_(
            "Exact Online ({country}) accepts other customers: whoever it goes on refusing is refused for a reason of "
            "their own."
        ),
        N_("Support is told which customers have to reconnect."),
    ),
    (AlarmKind.INCIDENT_OPENED, Family.CLIENT): (
        N_(
            "Since {at}, Exact Online ({country}) does not know our app for several customers: its client id or secret "
            "in our settings is wrong."
        ),
        N_("An admin must correct the settings of this environment; then it goes on by itself."),
    ),
    (AlarmKind.INCIDENT_OPENED, FailureKind.NOT_SENT): (
        N_(
            "Since {at}, no connection with Exact Online ({country}) comes about for several customers: the trouble is "
            "at Exact, or in our own network."
        ),
        N_(
            "An admin must see whether the server reaches the internet: “clickker doctor” tells. We keep trying."
        ),
    ),
}
"""What happened and who acts, where that depends on what the failures of an incident have in common."""
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
        _(_words(alarm)[1]),
        _("Owner: {name}").format(name=owner) if owner else "",
        _link(alarm, public_url),
    ]
    return Message(title, "\n\n".join(line for line in lines if line))


def _digest(alarms: Sequence[AlarmFacts], public_url: str) -> Message:
    order = list(KIND_WORDS)
    ordered = sorted(alarms, key=lambda alarm: (order.index(alarm.kind), _words(alarm)[1], -alarm.id))
    groups = [list(group) for _same, group in groupby(ordered, key=lambda a: (a.kind, _words(a)[1]))]
    title = ngettext("{count} alarm", "{count} alarms", len(alarms)).format(count=len(alarms))
    by_kind = Counter(alarm.kind for alarm in ordered)
    counts = ", ".join(f"{count}× {kind_word(kind).lower()}" for kind, count in by_kind.items())
    parts = ["\n".join(_group(group[0].kind, group, public_url)) for group in groups]
    return Message(f"{title}: {counts}", "\n\n".join([*parts, f"{_root(public_url)}/alarms"]))


def _happened(alarm: AlarmFacts) -> str:
    return _(_words(alarm)[0]).format(
        name=_named(alarm),
        country=environment_name(alarm.environment),
        at=moment(alarm.at),
        lapses=moment(alarm.lapses_at),
        what=neutral(alarm.what, 100),
    )


def _words(alarm: AlarmFacts) -> tuple[str, str]:
    """What happened, and who must act."""
    failure = FailureKind(alarm.failure) if alarm.failure in set(FailureKind) else None
    family = FAMILIES.get(failure) if failure else None
    if alarm.end == End.NOBODY:
        return _NOBODY_LEFT
    by_kind, by_family = (_BY_FAILURE.get((alarm.kind, what or "")) for what in (failure, family))
    return by_kind or by_family or (_HAPPENED[alarm.kind], _ACT[alarm.kind])


def _group(kind: AlarmKind, alarms: Sequence[AlarmFacts], public_url: str) -> list[str]:
    more = len(alarms) - LINES
    return [
        f"{kind_word(kind)} ({len(alarms)})",
        _(_words(alarms[0])[1]),
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
