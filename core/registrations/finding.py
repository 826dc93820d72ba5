"""Which registrations a pasted text is about, and what the last failure of one means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.exact.diagnosis import Diagnosis, diagnose
from core.exact.kinds import FailureKind
from core.exact.pasted import read_pasted
from core.exact.rules import UNCONFIRMED, Reconnect
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    RegistrationRow,
    list_administrations,
    list_registrations,
    registration_rows,
)
from core.registrations.names import core_words
from core.registrations.phrases import numbers_in, phrases_in
from core.registrations.status import Status
from core.registrations.views import RegistrationView

MOST_FOUND = 5
MOST_SEARCHES = 24
"""Searches for names; each looks into both lists."""

_LEFT_ALONE = {Status.DISCONNECTED, Status.PAUSED, Status.DRAFT, Status.WAITING_FOR_CONSENT}
_LOOKED_AT = 20_000
"""Characters: names stand at the top of a mail or nowhere."""
_PARAMETER = re.compile(r"[?&](?=\w+=)")
_NO_NAME = re.compile(r"[^\w&.'-]+")


def find_named(app: Application, by: CurrentOperator, text: str) -> tuple[RegistrationRow, ...]:
    """The registrations whose name, or an administration's name or code, stands in ``text``; the surest first.

    Legal forms, case and accents make no difference. Names are recognised by their capitals, as people write them.
    """
    require(by, Action.VIEW)
    said = _PARAMETER.sub("; ", read_pasted(text)[:_LOOKED_AT])
    found: dict[int, int] = {}
    for number, sureness in (*_by_code(app, by, said), *_by_name(app, by, said)):
        found[number] = max(sureness, found.get(number, 0))
    surest = sorted(found, key=lambda number: (-found[number], number))[:MOST_FOUND]
    with app.database.rows() as connection:
        return tuple(registration_rows(connection, surest))


def diagnosis_of(view: RegistrationView) -> Diagnosis | None:
    """What the failure since the last success means for this registration; None when there is nothing to say.

    A refusal counts as being confirmed until the status says that a new consent is needed (``grant_is_dead``).
    """
    if not view.failing or view.status in _LEFT_ALONE:
        return None
    known = FailureKind(view.last_failure_kind) if view.last_failure_kind in set(FailureKind) else None
    found = diagnose(view.last_failure_message or "", known)
    if view.status is Status.RECONNECT_NEEDED:
        return found if found.rule.reconnect is Reconnect.YES else None
    if known is FailureKind.REFUSED:
        return replace(found, rule=UNCONFIRMED)
    return found


def _by_code(app: Application, by: CurrentOperator, said: str) -> Iterator[tuple[int, int]]:
    for code in numbers_in(said):
        for row in list_administrations(app, by, AdministrationQuery(search=code)).rows:
            if str(row.code) == code:
                yield row.registration_id, len(said)


def _by_name(app: Application, by: CurrentOperator, said: str) -> Iterator[tuple[int, int]]:
    """Registration and length of the name found: the longer, the surer."""
    text = f" {_words(said)} "
    searched: list[str] = []
    for phrase in phrases_in(said):
        if len(searched) >= MOST_SEARCHES:
            return
        searched.append(phrase)
        registrations = list_registrations(app, by, RegistrationQuery(search=phrase)).rows
        administrations = list_administrations(app, by, AdministrationQuery(search=phrase)).rows
        named = [(row.id, row.name) for row in registrations]
        named += [(row.registration_id, row.name) for row in administrations]
        for number, name in named:
            words = _words(name)
            if words and f" {words} " in text:
                yield number, len(words)


def _words(text: str) -> str:
    return core_words(_NO_NAME.sub(" ", text))
