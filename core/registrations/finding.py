"""Which registrations a pasted text is about, and what the last failure of one means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.exact.diagnosis import Diagnosis, diagnose
from core.exact.kinds import FailureKind
from core.exact.pasted import read_pasted
from core.exact.rules import ANSWERS, DEFAULTS, LOOKING, UNCONFIRMED, Reconnect, Rule
from core.i18n import _
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    RegistrationRow,
    list_administrations,
    list_registrations,
    registration_rows,
)
from core.registrations.names import core_words
from core.registrations.next_action import EACH, Act, NextAction, by_rule
from core.registrations.phrases import numbers_in, phrases_in
from core.registrations.status import Status
from core.registrations.views import RegistrationView
from core.registrations.wording import called, moment, reason_sentence, status_word

MOST_FOUND = 5
MOST_SEARCHES = 24
"""Searches for names; each looks into both lists."""

_LEFT_ALONE = {
    Status.DISCONNECTED,
    Status.PAUSED,
    Status.DRAFT,
    Status.WAITING_FOR_CONSENT,
    Status.CONSENT_DENIED,
}
_OF_DECISIONS = (UNCONFIRMED, ANSWERS, LOOKING)
"""Rules of no message: they say what is decided."""
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


@dataclass(frozen=True)
class Judgement:
    """What a message of Exact means where it was said, and the decision that goes with it."""

    diagnosis: Diagnosis
    """Its rule says to our people and to the customer no more than is decided."""
    action: NextAction
    reconnect: Reconnect
    facts: tuple[str, ...] = ()
    """What is known of the registrations that are named, one sentence each; () where the message alone decides."""

    @property
    def sentence(self) -> str:
        """What the rule says to our people; "" where it advises something else than is decided."""
        rule = self.diagnosis.rule
        advice = rule in _OF_DECISIONS or by_rule(rule).act is self.action.act
        return _(rule.sentence) if advice else ""


def diagnosis_of(view: RegistrationView) -> Judgement | None:
    """What the failure since the last success means for this registration; None when there is nothing to say."""
    if not view.failing or view.status in _LEFT_ALONE:
        return None
    known = FailureKind(view.last_failure_kind) if view.last_failure_kind in set(FailureKind) else None
    found = diagnose(view.last_failure_message or "", known)
    if view.status is Status.RECONNECT_NEEDED and found.rule.reconnect is not Reconnect.YES:
        return None
    rule = _fitting(found.rule, view.action)
    return Judgement(replace(found, rule=rule), view.action, view.action.reconnect)


def judge(text: str, found: Sequence[RegistrationRow]) -> Judgement:
    """What ``text`` means, and who acts.

    The registrations that are named in it have the last word: their checks are newer than any mail, and what they need
    is decided already.
    """
    said = diagnose(text)
    if not found:
        return Judgement(said, by_rule(said.rule), said.rule.reconnect)
    actions = {row.action for row in found}
    action = actions.pop() if len(actions) == 1 else EACH
    rule = _fitting(said.rule, action, answers=all(row.status is Status.CONNECTED for row in found))
    facts = tuple(_known(row) for row in found)
    return Judgement(replace(said, rule=rule), action, action.reconnect, facts)


def _known(row: RegistrationRow) -> str:
    return _("{name}: {status}. {reason} Last success: {at}.").format(
        name=called(row.name),
        status=status_word(row.status),
        reason=reason_sentence(row.status_reason, row.failure_message),
        at=moment(row.last_success_at),
    )


def _fitting(rule: Rule, action: NextAction, *, answers: bool = False) -> Rule:
    """The rule whose words to the customer fit the decision: the message's own, unless they ask for something else."""
    if action.act is by_rule(rule).act:
        return rule
    if action.act is Act.CONFIRM:
        return UNCONFIRMED
    if action.reconnect is Reconnect.YES:
        return rule if rule.reconnect is Reconnect.YES else DEFAULTS[FailureKind.REFUSED]
    if answers:
        return ANSWERS
    return LOOKING if rule.ask or rule.reconnect is Reconnect.YES else rule


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
