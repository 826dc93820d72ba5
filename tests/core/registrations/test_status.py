"""The status is one pure function; this is its table of cases, in the order in which they are tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.exact.errors import FailureKind
from core.registrations.asking import FAILED, Asking, parts
from core.registrations.next_action import FAILURE
from core.registrations.status import (
    LAPSES_SOON_DAYS,
    OUTAGE_KINDS,
    Facts,
    IncidentFact,
    Status,
    Trouble,
    derive,
    lapse_step,
    next_step,
)
from core.registrations.wording import ASKED, REASONS, STATUS_WORDS, reason_sentence, status_word

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def facts(**changed: object) -> Facts:
    """A healthy connection, but for what is named."""
    healthy: dict[str, object] = {
        "consented": True,
        "completed": True,
        "lapses_at": NOW + 20 * DAY,
        "last_success_at": NOW - DAY,
        "linked": 2,
    }
    return Facts(**(healthy | changed))  # type: ignore[arg-type]


OUTAGE: dict[str, object] = {"last_failure_at": NOW, "last_failure_kind": FailureKind.OUTAGE}
REFUSAL: dict[str, object] = {"last_failure_at": NOW, "last_failure_kind": FailureKind.REFUSED}
SLOW_DOWN: dict[str, object] = {"last_failure_at": NOW, "last_failure_kind": FailureKind.RATE_LIMITED}
MANY = IncidentFact(1, ours=False)
OURS = IncidentFact(1, ours=True)
SENT = Asking(link_made_at=NOW - DAY, link_until=NOW + DAY)
REFUSED = replace(SENT, answer="refused", answered_at=NOW - timedelta(hours=1))
OLD_OUTAGE = OUTAGE | {"last_failure_at": NOW - 2 * DAY}

CASES: list[tuple[str, Facts, Status]] = [
    ("all is well", facts(), Status.CONNECTED),
    ("disconnected wins over all", facts(disconnected=True, active=False, dead=True), Status.DISCONNECTED),
    ("not active", facts(active=False, submitted=False), Status.PAUSED),
    ("a paused one is not red", facts(active=False, dead=True), Status.PAUSED),
    ("still being typed", facts(submitted=False, consented=False), Status.DRAFT),
    ("no consent yet", facts(consented=False, completed=False, linked=0), Status.WAITING_FOR_CONSENT),
    ("nothing chosen yet", facts(completed=False, linked=0), Status.CHOOSE_ADMINISTRATIONS),
    ("everything unlinked", facts(linked=0), Status.CHOOSE_ADMINISTRATIONS),
    ("refused for good", facts(dead=True), Status.RECONNECT_NEEDED),
    ("lapsed", facts(lapses_at=NOW), Status.RECONNECT_NEEDED),
    ("lapsed wins over an outage", facts(lapses_at=NOW, **OUTAGE), Status.RECONNECT_NEEDED),
    ("Exact is down", facts(last_failure_at=NOW, last_failure_kind=FailureKind.OUTAGE), Status.EXACT_OUTAGE),
    ("no answer", facts(last_failure_at=NOW, last_failure_kind=FailureKind.UNKNOWN), Status.EXACT_OUTAGE),
    ("first refusal", facts(last_failure_at=NOW, last_failure_kind=FailureKind.REFUSED), Status.ATTENTION),
    ("a refusal while many fail", facts(incident=IncidentFact(1, ours=False), **REFUSAL), Status.EXACT_OUTAGE),
    ("refused like many", facts(incident=IncidentFact(1, ours=False, refused=True), **REFUSAL), Status.ATTENTION),
    ("our app's settings", facts(incident=IncidentFact(1, ours=True), **REFUSAL), Status.ATTENTION),
    ("dead before the incident", facts(dead=True, incident=IncidentFact(1, ours=False)), Status.RECONNECT_NEEDED),
    ("an incident that is over for this one", facts(incident=IncidentFact(1, ours=False)), Status.CONNECTED),
    ("lapses soon", facts(lapses_at=NOW + 3 * DAY), Status.CONNECTED),
    ("lapsed before anything was chosen", facts(lapses_at=NOW, linked=0), Status.RECONNECT_NEEDED),
    ("refused before anything was chosen", facts(dead=True, completed=False, linked=0), Status.RECONNECT_NEEDED),
    ("lapses soon, nothing chosen", facts(lapses_at=NOW + DAY, linked=0), Status.CHOOSE_ADMINISTRATIONS),
    ("down, and a list to choose from", facts(linked=0, **OUTAGE), Status.CHOOSE_ADMINISTRATIONS),
    ("down, and nothing to choose from", facts(linked=0, listed=False, **OUTAGE), Status.EXACT_OUTAGE),
    ("the list is on its way", facts(linked=0, listed=False), Status.CHOOSE_ADMINISTRATIONS),
    ("a refusal before the choice", facts(linked=0, **REFUSAL), Status.ATTENTION),
    ("many fail before the choice", facts(linked=0, incident=MANY, **REFUSAL), Status.CHOOSE_ADMINISTRATIONS),
    ("our app's settings before the choice", facts(linked=0, incident=OURS, **REFUSAL), Status.ATTENTION),
    ("too often, before the choice", facts(linked=0, **SLOW_DOWN), Status.CHOOSE_ADMINISTRATIONS),
    ("another login waits before the choice", facts(linked=0, undecided=True), Status.ATTENTION),
    ("a consent without an owner", facts(consented=False, unidentified=True), Status.WAITING_FOR_CONSENT),
    ("one beside a good one", facts(unidentified=True), Status.CONNECTED),
    ("one while disconnected", facts(disconnected=True, unidentified=True), Status.DISCONNECTED),
    ("slow down", facts(last_failure_at=NOW, last_failure_kind=FailureKind.RATE_LIMITED), Status.ATTENTION),
    ("an older failure is history", facts(**OLD_OUTAGE), Status.CONNECTED),
    ("a failure and a success at once", facts(last_failure_at=NOW - DAY, last_failure_kind="outage"), Status.CONNECTED),
    ("a failure without a kind", facts(last_failure_at=NOW), Status.CONNECTED),
    ("a failure and never a success", facts(last_success_at=None, **OUTAGE), Status.EXACT_OUTAGE),
    ("linked, and nothing was saved yet", facts(completed=False), Status.CHOOSE_ADMINISTRATIONS),
    ("another login waits while none works", facts(undecided=True, failing=2), Status.ATTENTION),
    ("never a success", facts(last_success_at=None), Status.ATTENTION),
    ("old news", facts(last_success_at=NOW - 8 * DAY), Status.ATTENTION),
    ("just fresh", facts(last_success_at=NOW - 8 * DAY + timedelta(seconds=1)), Status.CONNECTED),
    ("another login waits", facts(undecided=True), Status.ATTENTION),
    ("some fail", facts(failing=1), Status.PARTLY_CONNECTED),
    ("all fail", facts(failing=2), Status.ATTENTION),
    ("refused by the customer", facts(consented=False, asking=REFUSED), Status.CONSENT_DENIED),
    ("asked anew since", facts(consented=False, asking=replace(REFUSED, link_made_at=NOW)), Status.WAITING_FOR_CONSENT),
    ("no answer came", facts(consented=False, asking=replace(REFUSED, answer="timeout")), Status.WAITING_FOR_CONSENT),
    ("a link is open", facts(consented=False, asking=SENT), Status.WAITING_FOR_CONSENT),
    ("refused once more after it ended", facts(dead=True, asking=REFUSED), Status.RECONNECT_NEEDED),
    ("lapsed, and a link is open", facts(lapses_at=NOW, asking=SENT), Status.RECONNECT_NEEDED),
    ("disconnected, and a link is open", facts(disconnected=True, asking=SENT), Status.DISCONNECTED),
]  # fmt: skip


@pytest.mark.parametrize(("case", "given", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_first_match_wins(case: str, given: Facts, expected: Status) -> None:
    assert derive(given, NOW).status is expected, case


def test_every_status_is_reached_by_a_case() -> None:
    assert {expected for _case, _given, expected in CASES} == set(Status)


@pytest.mark.parametrize(("case", "given", "_expected"), CASES, ids=[case[0] for case in CASES])
def test_the_status_holds_until_the_moment_it_names(case: str, given: Facts, _expected: Status) -> None:
    derived = derive(given, NOW)
    if derived.until is None:
        assert derive(given, NOW + 400 * DAY).status is derived.status, case
        return
    just_before = derived.until - timedelta(seconds=1)
    assert derive(given, just_before) == derived, case
    assert derive(given, derived.until) != derived, case


def test_connected_ends_when_the_news_grows_old() -> None:
    assert derive(facts(lapses_at=NOW + 29 * DAY), NOW).until == NOW - DAY + 8 * DAY


@pytest.mark.parametrize(("left", "days"), [(20, 14), (14, 7), (10, 7), (5, 3), (3, 0), (1, 0)])
def test_a_coming_lapse_is_news_at_14_7_and_3_days_and_then_itself(left: int, days: int) -> None:
    assert next_step(NOW + left * DAY, NOW) == NOW + (left - days) * DAY


def test_nothing_comes_after_the_lapse_itself() -> None:
    assert next_step(NOW, NOW) is None
    assert next_step(None, NOW) is None


def test_every_status_and_reason_has_words() -> None:
    assert set(STATUS_WORDS) == set(Status)
    failures = {f"failure_{kind}" for kind in FailureKind if kind not in OUTAGE_KINDS}
    reasons = {derive(given, NOW).reason for _case, given, _expected in CASES} | failures
    assert {parts(reason)[0] for reason in reasons if not reason.startswith(FAILURE)} <= set(REASONS)
    assert {parts(reason)[1] for reason in reasons} - {""} <= set(ASKED) | FAILED
    assert len({reason_sentence(reason) for reason in reasons}) == len(reasons)
    assert status_word("exact_outage") == "Exact outage"


def test_what_is_not_known_is_not_assumed() -> None:
    unknown = Facts()
    assert (unknown.active, unknown.submitted, unknown.fresh) == (True, True, 8 * DAY)
    assert not any(
        (unknown.disconnected, unknown.consented, unknown.completed, unknown.dead, unknown.undecided)
    )
    assert (unknown.linked, unknown.failing, unknown.troubles, unknown.last_failure_message) == (0, 0, (), "")
    moments = (unknown.lapses_at, unknown.last_success_at, unknown.last_failure_at, unknown.last_checked_at)
    assert {*moments, unknown.last_failure_kind, unknown.incident} == {None}


REASONS_OF: list[tuple[str, Facts, str]] = [
    ("nobody was asked", facts(consented=False), "waiting_for_consent"),
    ("a link was made", facts(consented=False, asking=SENT), "waiting_for_consent+link_sent"),
    ("it expired", facts(consented=False, asking=replace(SENT, link_until=NOW)), "waiting_for_consent+link_expired"),
    ("refused by that link", facts(consented=False, asking=REFUSED), "waiting_for_consent+denied"),
    ("refused when it was made", facts(consented=False, asking=replace(REFUSED, link_made_at=NOW - timedelta(hours=1))),
        "waiting_for_consent+denied"),
    ("a new link since", facts(consented=False, asking=replace(REFUSED, link_made_at=NOW)),
        "waiting_for_consent+link_sent"),
    ("refused without a link", facts(consented=False, asking=Asking(answer="refused", answered_at=NOW)),
        "waiting_for_consent+denied"),
    ("our app is not known", facts(consented=False, asking=Asking(answer="client_error", answered_at=NOW)),
        "waiting_for_consent+client_error"),
    ("granted, long ago", facts(dead=True, asking=Asking(answer="granted", answered_at=NOW)), "refused"),
    ("granted, and a link is open", facts(dead=True, asking=replace(SENT, answer="granted", answered_at=NOW)),
        "refused+link_sent"),
    ("dead, another login waits", facts(dead=True, undecided=True, asking=SENT), "refused+undecided"),
    ("dead, whose is not known", facts(dead=True, unidentified=True, asking=SENT), "refused+unidentified"),
    ("disconnected, refused", facts(disconnected=True, asking=REFUSED), "disconnected+denied"),
    ("paused, another login waits", facts(active=False, undecided=True), "paused+undecided"),
    ("paused and dead, another login waits", facts(active=False, dead=True, undecided=True),
        "paused_without_consent+undecided"),
    ("down, another login waits", facts(undecided=True, **OUTAGE), "outage+undecided"),
    ("refused, another login waits", facts(undecided=True, **REFUSAL), "failure_refused+undecided"),
    ("many fail, another login waits", facts(undecided=True, incident=MANY, **REFUSAL), "incident+undecided"),
    ("old news, another login waits", facts(undecided=True, last_success_at=None), "stale+undecided"),
    ("backups of some", facts(failing=1, troubles=(Trouble(1, "blocked", passing=True),)), "administrations_wait"),
    ("backups of all", facts(failing=2, troubles=(Trouble(1, "blocked", passing=True),) * 2), "administrations_wait"),
    ("a backup and more",
        facts(failing=2, linked=3, troubles=(Trouble(1, "blocked", passing=True), Trouble(2, "archived"))),
        "some_administrations_fail"),
    ("backups, and more than is known", facts(failing=2, linked=3, troubles=(Trouble(1, "blocked", passing=True),)),
        "some_administrations_fail"),
    ("something else", facts(failing=1, troubles=(Trouble(1, "archived"),)), "some_administrations_fail"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "given", "expected"), REASONS_OF, ids=[case[0] for case in REASONS_OF])
def test_the_reason_says_what_has_come_of_asking(case: str, given: Facts, expected: str) -> None:
    derived = derive(given, NOW)
    assert derived.reason == expected, case
    assert len(derived.reason) <= 40, "as long as its column"
    if derived.until is not None:
        assert derive(given, derived.until) != derived
        assert derive(given, derived.until - timedelta(seconds=1)) == derived


def test_every_reason_fits_in_its_column() -> None:
    for why in ("waiting_for_consent", "disconnected", "refused", "lapsed"):
        assert all(len(f"{why}+{asked}") <= 40 for asked in {*ASKED, *FAILED})


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (timedelta(0), None),
        (timedelta(seconds=1), 3),
        (3 * DAY, 3),
        (3 * DAY + timedelta(seconds=1), 7),
        (7 * DAY, 7),
        (7 * DAY + timedelta(seconds=1), 14),
        (14 * DAY, 14),
        (14 * DAY + timedelta(seconds=1), None),
    ],
)
def test_one_rule_says_what_soon_is(left: timedelta, step: int | None) -> None:
    assert lapse_step(NOW + left, NOW) == step
    assert lapse_step(None, NOW) is None
    assert LAPSES_SOON_DAYS[0] == max(LAPSES_SOON_DAYS)
