"""Who acts and what by is one pure function; these are its tables, for every fact that it looks at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from core.exact.kinds import FailureKind
from core.exact.rules import RULES, UNKNOWN, Reconnect, Rule
from core.exact.rules import Who as Whose
from core.i18n import language
from core.registrations.action_words import ACT_WORDS, WHO_WORDS, act_words, action_words, who_words
from core.registrations.asking import FAILED
from core.registrations.issues import IssueKind
from core.registrations.next_action import (
    BY_REASON,
    Act,
    ActionFacts,
    NextAction,
    Who,
    by_rule,
    next_action,
    of_incident,
    of_issue,
    rule_of,
)
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.status import OUTAGE_KINDS, IncidentFact, Status
from core.registrations.wording import REASONS

NOTHING = NextAction(Who.NOBODY, Act.NOTHING)
WAIT = NextAction(Who.RETRY, Act.WAIT)
CONFIRM = NextAction(Who.RETRY, Act.CONFIRM)
CHECK = NextAction(Who.SUPPORT, Act.CHECK)
CONNECT = NextAction(Who.SUPPORT, Act.CONNECT)
RECONNECT = NextAction(Who.CUSTOMER, Act.RECONNECT)
DECIDE = NextAction(Who.SUPPORT, Act.DECIDE)
REPORT = NextAction(Who.ADMIN, Act.REPORT)
SETTINGS = NextAction(Who.ADMIN, Act.SETTINGS)
ADMINISTRATIONS = NextAction(Who.SUPPORT, Act.ADMINISTRATIONS)
OPEN_LINK = NextAction(Who.CUSTOMER, Act.OPEN_LINK)
TALK = NextAction(Who.SUPPORT, Act.TALK)

NETWORK = NextAction(Who.ADMIN, Act.NETWORK)
ALONE: dict[str, NextAction] = {
    "disconnected": NOTHING,
    "paused": NOTHING,
    "paused_without_consent": NextAction(Who.SUPPORT, Act.RESUME),
    "draft": NextAction(Who.SUPPORT, Act.CONTINUE),
    "waiting_for_consent": CONNECT,
    "choose_administrations": NextAction(Who.SUPPORT, Act.CHOOSE),
    "refused": RECONNECT,
    "lapsed": RECONNECT,
    "outage": WAIT,
    "failure_refused": CONFIRM,
    "incident": NextAction(Who.EXACT, Act.WAIT),
    "incident_not_sent": NextAction(Who.ADMIN, Act.NETWORK),
    "incident_refused": CONFIRM,
    "incident_client": SETTINGS,
    "stale": CHECK,
    "undecided": DECIDE,
    "no_administration_works": ADMINISTRATIONS,
    "some_administrations_fail": ADMINISTRATIONS,
    "administrations_wait": WAIT,
    "connected": NOTHING,
}
"""By the reason, with nothing else known."""
ANSWERING = {
    "connected",
    "paused",
    "some_administrations_fail",
    "no_administration_works",
    "administrations_wait",
}
FAILURES: dict[FailureKind, NextAction] = {
    FailureKind.NOT_SENT: NETWORK,
    FailureKind.UNKNOWN: WAIT,
    FailureKind.OUTAGE: WAIT,
    FailureKind.RATE_LIMITED: WAIT,
    FailureKind.TOO_EARLY: WAIT,
    FailureKind.REFUSED: CONFIRM,
    FailureKind.NOT_AUTHENTICATED: CHECK,
    FailureKind.FORBIDDEN: NextAction(Who.CUSTOMER_ADMIN, Act.AT_EXACT),
    FailureKind.BAD_REQUEST: REPORT,
    FailureKind.CLIENT: SETTINGS,
    FailureKind.OURS: REPORT,
}
"""A failure whose message says no more than its kind."""
MESSAGES = [
    (FailureKind.FORBIDDEN, "Reason: InactiveUser", RECONNECT),
    (FailureKind.FORBIDDEN, "Reason: BlockedUser", NextAction(Who.CUSTOMER_ADMIN, Act.AT_EXACT)),
    (FailureKind.FORBIDDEN, "Forbidden - WrongDivision", NextAction(Who.CUSTOMER, Act.AT_EXACT)),
    (FailureKind.FORBIDDEN, "Application Scope Violated", SETTINGS),
    (FailureKind.FORBIDDEN, "Reason: DivisionBlocked", WAIT),
    (FailureKind.BAD_REQUEST, '{"error":"invalid_request"}', CHECK),
]


def decide(
    reason: str, message: str = "", *, soon: bool = False, status: Status = Status.ATTENTION
) -> NextAction:
    return next_action(ActionFacts(status, reason, message, soon))


def test_every_reason_that_has_words_has_an_action() -> None:
    assert set(ALONE) == set(REASONS) == set(BY_REASON)


@pytest.mark.parametrize(("reason", "soon"), list(product(ALONE, [False, True])))
def test_the_reason_decides_and_a_lapse_comes_first_where_exact_answers(reason: str, soon: bool) -> None:
    expected = CHECK if soon and reason in ANSWERING else ALONE[reason]
    assert decide(reason, soon=soon) == expected


@pytest.mark.parametrize(("kind", "soon"), list(product(FAILURES, [False, True])))
def test_a_failure_is_decided_by_its_kind(kind: FailureKind, soon: bool) -> None:
    assert decide(f"failure_{kind}", soon=soon) == FAILURES[kind]
    assert decide(f"failure_{kind}", "words that nobody knows") == FAILURES[kind]


@pytest.mark.parametrize(("kind", "message", "expected"), MESSAGES)
def test_exact_s_own_words_make_it_more_precise(
    kind: FailureKind, message: str, expected: NextAction
) -> None:
    assert decide(f"failure_{kind}", message) == expected
    assert decide("connected", message) == NOTHING, "what failed before the last success is history"


def test_a_kind_that_another_version_wrote_is_read_by_its_words() -> None:
    assert decide("failure_of_tomorrow", "Reason: InactiveUser") == RECONNECT
    assert decide("failure_of_tomorrow") == CHECK
    assert rule_of("of_tomorrow", "").key == "unknown"


BASES = ("waiting_for_consent", "refused", "lapsed", "disconnected")
FROM_ASKING: dict[str, NextAction] = {
    "undecided": DECIDE,
    "unidentified": WAIT,
    "link_sent": OPEN_LINK,
    "denied": TALK,
    "client_error": SETTINGS,
    "our_error": REPORT,
}
AGAIN = {"waiting_for_consent": CONNECT, "refused": RECONNECT, "lapsed": RECONNECT, "disconnected": CONNECT}


@pytest.mark.parametrize(
    ("why", "asked"), list(product(BASES, [*FROM_ASKING, *sorted(FAILED), "link_expired"]))
)
def test_what_came_of_asking_decides_where_no_consent_works(why: str, asked: str) -> None:
    expected = FROM_ASKING.get(asked, AGAIN[why])
    assert decide(f"{why}+{asked}") == decide(f"{why}+{asked}", soon=True) == expected


@pytest.mark.parametrize("reason", [*ALONE, *(f"failure_{kind}" for kind in FailureKind)])
def test_a_login_that_waits_for_a_word_comes_first_whatever_else(reason: str) -> None:
    assert decide(f"{reason}+undecided", "Reason: BlockedUser", soon=True) == DECIDE


@pytest.mark.parametrize("status", Status)
def test_the_status_decides_nothing_that_its_reason_does_not(status: Status) -> None:
    assert decide("stale", status=status) == CHECK


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (IncidentFact(1, ours=False), ALONE["incident"]),
        (IncidentFact(1, ours=True), SETTINGS),
        (IncidentFact(1, ours=False, refused=True), CONFIRM),
        (IncidentFact(1, ours=False, unreached=True), ALONE["incident_not_sent"]),
    ],
)
def test_an_incident_and_those_whom_it_befell_are_decided_alike(
    incident: IncidentFact, expected: NextAction
) -> None:
    assert of_incident(incident) == decide(incident.reason) == expected


@pytest.mark.parametrize("rule", [*RULES, UNKNOWN], ids=lambda rule: rule.key)
def test_a_message_alone_is_decided_by_its_rule(rule: Rule) -> None:
    found = by_rule(rule)
    assert (found == RECONNECT) is (rule.reconnect is Reconnect.YES)
    if rule.reconnect is Reconnect.YES:
        return
    assert (found == WAIT) is (rule.who in {Whose.NOBODY, Whose.EXACT})
    ours = rule.who is Whose.US
    assert (found == NETWORK) is (ours and rule.kind is FailureKind.NOT_SENT)
    assert (found == SETTINGS) is (ours and (rule.kind is FailureKind.CLIENT or rule.key == "scope_violated"))
    if ours and found not in {NETWORK, SETTINGS}:
        assert found == (REPORT if rule.reconnect is Reconnect.NO else CHECK)
    if rule.who in {Whose.CUSTOMER, Whose.CUSTOMER_ADMIN}:
        assert found == NextAction(Who(rule.who.value), Act.AT_EXACT)


OF_ONE_ADMINISTRATION = {
    IssueKind.NOT_PERMITTED: NextAction(Who.CUSTOMER, Act.AT_EXACT),
    IssueKind.ARCHIVED: NextAction(Who.SUPPORT, Act.UNLINK),
    IssueKind.BLOCKED: WAIT,
    IssueKind.INACTIVE: NextAction(Who.CUSTOMER_ADMIN, Act.AT_EXACT),
    IssueKind.FAILING: NextAction(Who.CUSTOMER_ADMIN, Act.AT_EXACT),
}


@pytest.mark.parametrize("own", [DECIDE, WAIT, RECONNECT])
@pytest.mark.parametrize("kind", IssueKind)
def test_an_issue_is_part_of_the_decision_unless_it_is_of_one_administration(
    kind: IssueKind, own: NextAction
) -> None:
    expected = OF_ONE_ADMINISTRATION.get(kind, own)
    assert of_issue(kind.value, own, "Forbidden", FailureKind.FORBIDDEN.value) == expected


@pytest.mark.parametrize(("kind", "message", "expected"), MESSAGES)
def test_an_administration_that_fails_is_decided_by_its_message(
    kind: FailureKind, message: str, expected: NextAction
) -> None:
    assert of_issue("failing", DECIDE, message, kind.value) == expected


ENDED = {Who.SUPPORT: "You, with the customer.", Who.ADMIN: "An admin of Clickker Connections."}


@pytest.mark.parametrize("asked", ["denied", *sorted(FAILED)])
def test_the_page_on_which_an_attempt_ends_calls_the_same_people(asked: str) -> None:
    result = ConsentResult(Outcome.REFUSED if asked == "denied" else Outcome(asked))
    action = decide(f"waiting_for_consent+{asked}")
    assert result.who == ENDED[action.who]
    assert ("Talk to the customer" in result.next_step) is (action.act is Act.TALK)


def test_somebody_is_needed_unless_it_is_nobody() -> None:
    needed = {who for who in Who if NextAction(who, Act.CHECK).needs_somebody}
    assert needed == {Who.SUPPORT, Who.CUSTOMER, Who.CUSTOMER_ADMIN, Who.ADMIN}


def test_whether_a_consent_helps_follows_from_the_act() -> None:
    by_answer = {answer: set() for answer in Reconnect}  # type: dict[Reconnect, set[Act]]
    for act in Act:
        by_answer[NextAction(Who.SUPPORT, act).reconnect].add(act)
    assert by_answer[Reconnect.YES] == {Act.CONNECT, Act.OPEN_LINK, Act.TALK, Act.RECONNECT}
    assert by_answer[Reconnect.NOT_YET] == {Act.CHECK, Act.CONFIRM}
    assert by_answer[Reconnect.NOT_KNOWN] == {Act.EACH}


@pytest.mark.parametrize(("days", "soon"), [(14, True), (15, False), (0, False), (-1, False), (None, False)])
def test_the_row_of_a_registration_tells_the_facts(days: int | None, soon: bool) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    lapses = None if days is None else now + timedelta(days=days)
    facts = ActionFacts.of("connected", "connected", None, lapses, now)
    assert facts == ActionFacts(Status.CONNECTED, "connected", "", soon)
    assert ActionFacts(Status.CONNECTED, "connected") == ActionFacts(Status.CONNECTED, "connected", "", False)
    assert ActionFacts.of("attention", "stale", "words", None, now).message == "words"


def test_every_decision_has_words_in_both_languages() -> None:
    assert set(WHO_WORDS) == set(Who)
    assert set(ACT_WORDS) == set(Act)
    assert len(set(WHO_WORDS.values())) == len(Who)
    assert len(set(ACT_WORDS.values())) == len(Act)
    for who, act in product(Who, Act):
        action = NextAction(who, act)
        english = action_words(action)
        assert english == f"Who must act: {who_words(action)}. {act_words(action)}"
        with language("nl"):
            assert action_words(action).startswith(f"Wie is aan zet: {who_words(action)}. ")
            assert action_words(action) != english
            assert act_words(action) != ACT_WORDS[act]


def test_failures_of_a_whole_connection_that_are_an_outage_have_that_as_their_reason() -> None:
    assert {FAILURES[kind] for kind in OUTAGE_KINDS - {FailureKind.NOT_SENT}} == {ALONE["outage"]}
