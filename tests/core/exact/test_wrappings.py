"""Every message that is known, in everything that it may be wrapped in: Exact's envelopes, a page, a code, a header."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from core.exact.answers import api_answer
from core.exact.diagnosis import diagnose, sentence_for
from core.exact.errors import ExactError
from core.exact.kinds import FailureKind
from core.exact.oauth import parse_token_answer
from core.exact.rules import RULES, Rule
from core.simulator.answers import WRAPPINGS, Answer, said

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
API = {
    FailureKind.FORBIDDEN: 403,
    FailureKind.BAD_REQUEST: 400,
    FailureKind.NOT_AUTHENTICATED: 401,
    FailureKind.OUTAGE: 503,
    FailureKind.RATE_LIMITED: 429,
}
"""Kinds that the API says, each with its status."""
TOKENS = {FailureKind.REFUSED: 401, FailureKind.CLIENT: 400, FailureKind.TOO_EARLY: 400}
"""Those of the address for tokens. Its rules without a phrase are codes of OAuth alone."""
NEVER_IN_AN_ANSWER = {None, FailureKind.NOT_SENT, FailureKind.UNKNOWN, FailureKind.OURS}


def phrases(rule: Rule) -> list[str]:
    every = rule.phrases if rule.kind in TOKENS else (*rule.phrases, *rule.weak)
    return [phrase.replace(" … ", " 'something' ") for phrase in every]


def asked(answer: Answer, call: Callable[..., object]) -> ExactError:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    with pytest.raises(ExactError) as caught:
        call(answer.status, headers, answer.body, AT)
    return caught.value


WALK = [rule for rule in RULES if rule.kind not in NEVER_IN_AN_ANSWER and phrases(rule)]


def test_every_rule_is_walked_or_is_said_why_not() -> None:
    left = {rule.key for rule in RULES} - {rule.key for rule in WALK}
    assert left == {
        # seen by people alone
        "access_denied", "invalid_authorization_request", "connection_lost",
        # codes of OAuth, or never words at all
        "consent_refused", "invalid_client",
        # the way to Exact, and ours
        "name_not_found", "no_secure_connection", "connection_refused", "not_reached", "no_answer_in_time",
        "unusable_answer", "ours",
    }  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("rule", WALK, ids=lambda rule: rule.key)
def test_a_message_means_the_same_in_every_wrapping(rule: Rule, wrapping: str) -> None:
    assert rule.kind is not None
    call = parse_token_answer if rule.kind in TOKENS else api_answer
    for phrase in phrases(rule):
        error = asked(said(f"Forbidden - {phrase}.", (TOKENS | API)[rule.kind], wrapping), call)
        assert (error.kind, diagnose(error.exact_message, error.kind, error.status).rule.key) == (
            rule.kind,
            rule.key,
        ), (phrase, error.exact_message)
        assert str(error) == sentence_for(rule.kind.value, phrase)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize(
    "rule", [rule for rule in WALK if rule.kind is FailureKind.FORBIDDEN], ids=lambda r: r.key
)
def test_exact_s_words_count_for_more_than_the_status(rule: Rule, status: int, wrapping: str) -> None:
    for phrase in rule.phrases:
        for call in (api_answer, parse_token_answer):
            error = asked(said(phrase, status, wrapping), call)
            assert error.kind is FailureKind.FORBIDDEN
            assert str(error) == sentence_for("forbidden", phrase)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_bare_forbidden_names_its_four_causes(wrapping: str) -> None:
    error = asked(said("Forbidden", 403, wrapping), api_answer)
    assert diagnose(error.exact_message, error.kind).rule.key == "forbidden"
    for cause in ("rights of the connected user", "access to the administration", "for our app", "licence"):
        assert cause in str(error)


def test_maintenance_on_a_good_page_is_known_by_its_sentence() -> None:
    error = asked(said("Exact Online is in onderhoud", 200, "page"), api_answer)
    assert error.kind is FailureKind.OUTAGE
    assert "under maintenance" in str(error)


def test_a_message_at_the_end_of_a_long_page_is_found() -> None:
    page = "<html><body>" + "<p>Lorem ipsum dolor sit amet.</p>" * 500 + "<b>LicenseExpired</b></body></html>"
    answer = Answer(403, page.encode(), {"Content-Type": "text/html"})
    assert "licence for Exact Online has expired" in str(asked(answer, api_answer))


@pytest.mark.parametrize("wrapping", ["page", "text", "atom"])
def test_no_token_is_in_the_words_of_a_page(wrapping: str) -> None:
    token = "stampNL001.x!IAAAA" + "b" * 60
    for call in (api_answer, parse_token_answer):
        error = asked(said(f'Forbidden {{"refresh_token":"{token[:30]}", {token}', 403, wrapping), call)
        assert "bbbb" not in error.exact_message + str(error)
        assert "stampNL" not in error.exact_message + str(error)


def test_a_script_of_a_page_says_nothing() -> None:
    error = asked(said("Forbidden", 403, "page"), api_answer)
    assert "BlockedUser" not in error.exact_message


def test_a_page_without_end_takes_no_time_without_end() -> None:
    page = b"<html>" + b"<script>" * 200_000
    assert asked(Answer(403, page, {"Content-Type": "text/html"}), api_answer).kind is FailureKind.FORBIDDEN


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"error":null}', '{"error":{"message":[]}}', '"x"', "nonsense", ""]
)
def test_an_error_without_words_is_of_its_status(body: str) -> None:
    error = asked(Answer(403, body.encode(), {"Content-Type": "application/json"}), api_answer)
    assert (error.kind, error.exact_message in {"", "x"}) == (FailureKind.FORBIDDEN, True)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("User doesn't have access to this company", "no_division_access"),
        ("The user does not have access to division 123456.", "no_division_access"),
        ("The company has been blocked.", "division_blocked"),
        ("De administratie is tijdelijk geblokkeerd", "division_blocked"),
        ("The license of customer 12345 has expired", "licence_expired"),
        ("De licentie van uw klant is verlopen", "licence_expired"),
        ("Application scope has been violated", "scope_violated"),
        ("Dit account is aan meerdere gebruikers gekoppeld", "several_users"),
        ("This account is used by more than one user", "several_users"),
        ("User account is inactive", "inactive_user"),
        ("Uw account is geblokkeerd", "blocked_user"),
    ],
)
@pytest.mark.parametrize("wrapping", ["v2", "page", "text"])
def test_the_same_said_in_other_words(message: str, key: str, wrapping: str) -> None:
    error = asked(said(message, 403, wrapping), api_answer)
    assert diagnose(error.exact_message, error.kind).rule.key == key


@pytest.mark.parametrize(
    "body",
    [
        '{"Error":{"Code":"LicenseExpired"}}',
        '{"code":"LicenseExpired"}',
        '{"errors":[{"code":"LicenseExpired"}]}',
        '{"fault":{"detail":{"errorcode":"LicenseExpired"}}}',
        '{"error":{"code":"","message":{"value":"An error occurred."},"innererror":{"message":"LicenseExpired"}}}',
    ],
)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_code_is_read_wherever_it_stands(body: str, status: int) -> None:
    answer = Answer(status, body.encode(), {"Content-Type": "application/json"})
    error = asked(answer, api_answer)
    assert error.kind is FailureKind.FORBIDDEN
    assert diagnose(error.exact_message, error.kind).rule.key == "licence_expired"


@pytest.mark.parametrize("name", ["Error", "odata.error", "error"])
def test_an_error_with_a_good_status_is_no_answer(name: str) -> None:
    body = f'{{"{name}":{{"code":"","message":"Forbidden"}}}}'
    asked(Answer(200, body.encode(), {"Content-Type": "application/json"}), api_answer)


LONG = "Lorem ipsum dolor sit amet. " * 60


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (f"<html><body>{LONG}</body></html>", "text/html", "LicenseExpired"),
        (f'{{"error":{{"code":"LicenseExpired","message":{{"value":"{LONG}"}}}}}}', "application/json", ""),
        (f'{{"error":{{"message":{{"value":"{LONG} Your license has expired."}}}}}}', "application/json", ""),
    ],
)
def test_a_long_text_does_not_cost_what_stands_beside_it(body: str, kind: str, reason: str) -> None:
    answer = Answer(403, body.encode(), {"Content-Type": kind} | ({"Reason": reason} if reason else {}))
    error = asked(answer, api_answer)
    assert diagnose(error.exact_message, error.kind).rule.key == "licence_expired"


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_licence_that_has_expired_is_no_outage(wrapping: str) -> None:
    error = asked(said("Your licence has expired.", 500, wrapping), api_answer)
    assert error.kind is FailureKind.FORBIDDEN
    assert "licence for Exact Online has expired" in str(error)
