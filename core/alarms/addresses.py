"""Who is told of what, and where: from the settings alone. An address is a secret and stays in this room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from core.alarms import sending
from core.alarms.outbox import AlarmKind
from core.i18n import _
from core.settings import Settings

PLACE = "{email}"
"""Stands in the owner's address where the e-mail address goes."""


class Audience(StrEnum):
    OWNER = "owner"
    """The operator who owns the registration."""
    SUPPORT = "support"
    """Every address that support has set."""


@dataclass(frozen=True)
class Recipient:
    """One place to which messages go: an operator's id, or which of support's addresses, from 1."""

    audience: Audience
    number: int


_TOLD = {
    AlarmKind.RECONNECT_NEEDED: "both",
    AlarmKind.LAPSES_SOON: "both",
    AlarmKind.RECOVERED: "owner",
    AlarmKind.INCIDENT_OPENED: "support",
    AlarmKind.INCIDENT_CLOSED: "support",
    AlarmKind.APP_REFUSED: "support",
    AlarmKind.JOURNAL_FAILS: "support",
    AlarmKind.TOKEN_ORPHANED: "support",
    AlarmKind.ANSWER_MISPLACED: "support",
    AlarmKind.FIELD_REFUSED: "support",
}
"""Unless the settings say otherwise. A test goes where it was asked for."""


def audiences(settings: Settings, kind: AlarmKind) -> frozenset[Audience]:
    """Who is told of this kind."""
    told = settings.alarm_to.get(kind.value, _TOLD.get(kind, "nobody"))
    return frozenset(a for a in Audience if told in {a.value, "both"})


def support_addresses(settings: Settings) -> tuple[str, ...]:
    """Support's addresses, in the order of the settings."""
    return tuple(settings.alarm_support.get_secret_value().split())


def owners_can_be_told(settings: Settings) -> bool:
    """Whether it is set how an owner is reached."""
    return bool(settings.alarm_owner.get_secret_value().strip())


def somebody_can_be_told(settings: Settings) -> bool:
    """Whether any address is set."""
    return owners_can_be_told(settings) or bool(support_addresses(settings))


def owner_address(settings: Settings, email: str) -> str:
    """Where the operator with this e-mail address is told; "" when it is not set how."""
    return settings.alarm_owner.get_secret_value().strip().replace(PLACE, quote(email, safe=""))


def support_address(settings: Settings, number: int) -> str:
    """Support's address of this number, from 1; "" when there is none."""
    known = support_addresses(settings)
    return known[number - 1] if 0 < number <= len(known) else ""


def wrong_addresses(settings: Settings) -> Iterator[str]:
    """A sentence for each setting that cannot be used; it does not repeat the address."""
    for number, address in enumerate(support_addresses(settings), start=1):
        if not sending.is_readable(address):
            yield _(
                "Address {number} in CLICKKER_ALARM_SUPPORT is not one that Apprise can read. Addresses look like "
                "mailtos://user:password@mail.example.com?to=support@example.com, with blanks between them."
            ).format(number=number)
    if owners_can_be_told(settings):
        yield from _wrong_owner_address(settings)
    for kind in sorted(set(settings.alarm_to) - {kind.value for kind in _TOLD}):
        yield _("CLICKKER_ALARM_TO names “{kind}”; there are {kinds}.").format(
            kind=kind, kinds=", ".join(kind.value for kind in _TOLD)
        )


def _wrong_owner_address(settings: Settings) -> Iterator[str]:
    if PLACE not in settings.alarm_owner.get_secret_value():
        yield _("CLICKKER_ALARM_OWNER must hold {place}, where the owner's e-mail address goes.").format(
            place=PLACE
        )
    elif not sending.is_readable(owner_address(settings, "somebody@example.com")):
        yield _(
            "CLICKKER_ALARM_OWNER is not an address that Apprise can read. It looks like "
            "mailtos://user:password@mail.example.com?to={email}."
        )
