"""Every message of Exact Online that is known, word for word, and what it means."""

from __future__ import annotations

import json

import pytest

from core.exact.diagnosis import Diagnosis, diagnose, sentence_for
from core.exact.kinds import FailureKind
from core.exact.mail import customer_mail
from core.exact.pasted import fold
from core.exact.rules import ANSWERS, DEFAULTS, LOOKING, RULES, UNCONFIRMED, UNKNOWN, Reconnect, Rule, Who
from core.exact.rules.first_consent import NO_DIVISION, NOTHING_SHOWN
from core.exact.rules.rule import RECONNECT_WORDS
from core.i18n import LANGUAGES, _, language
from core.simulator import answers, faults

API_ERROR = '{\r\n"error": {\r\n"code": "", "message": {\r\n"lang": "", "value": %s\r\n}\r\n}\r\n}'


def api(value: str) -> str:
    return API_ERROR % json.dumps(value)


VERBATIM: dict[str, tuple[str, ...]] = {
    "old_refresh_token": (
        '{"error":"unauthorized_client","error_description":"Old refresh token used."}',
        answers.old_token_error().body.decode(),
    ),
    "broken_chain": (
        '{ "error":"invalid_grant","error_description":"Token is not allowed, because of invalid or empty chainId" }',
        "Reason: Unknown: Token is not allowed, because of invalid or empty chainId",
        answers.chain_id_error().body.decode(),
    ),
    "refresh_token_expired": (
        r'{"error":"invalid_request","error_description":"The refresh token expired at 10\/11\/2022 9:18:20 PM and it '
        r'is now 10\/28\/2022 4:15:50 PM."}',
    ),
    "consent_refused": ('{"error":"invalid_grant"}', '{"error":"unauthorized_client"}'),
    "access_denied": (
        "https://connections.example.nl/exact/callback?error=access_denied&state=x",
        "error=access_denied&error_description=The+user+denied+the+request",
    ),
    "client_not_found": (
        "Client with identifier '4c5f0a1e-0000-4000-8000-1234567890ab' not found.",
        "Client with identifier 'xxx' not found.",
    ),
    "callback_not_valid": ("Callback URI 'https://connections.example.nl/exact/callback' is not valid",),
    "invalid_authorization_request": ("Invalid authorization request",),
    "invalid_client": ('{"error":"invalid_client"}',),
    "invalid_request": ('{"error":"invalid_request"}',),
    "not_authenticated": ("HTTP/1.1 401 Unauthorized", "Error 401: "),
    "outside_division_scope": (
        api("Forbidden - User division is not within division scope."),
        api(faults.OUTSIDE_SCOPE),
    ),
    "wrong_division": ("Forbidden - WrongDivision", api(faults.WRONG_DIVISION)),
    "no_division_access": (
        "403 Forbidden, Reason: NoDivisionAccess",
        "The user does not have access to the requested division.",
    ),
    "scope_violated": (
        api("Forbidden - Application Scope Violated. Cannot read 'organization.administration' scope."),
        api(faults.SCOPE_VIOLATED),
    ),
    "blocked_user": ("403 Forbidden, Reason: BlockedUser", "The user has been marked as blocked."),
    "inactive_user": ("403 Forbidden, Reason: InactiveUser", "The user is no longer active in Exact Online."),
    "blocked_customer": (
        "403 Forbidden, Reason: BlockedCustomer",
        "The customer has been marked as blocked.",
    ),
    "licence_expired": (
        "403 Forbidden, Reason: LicenseExpired",
        api("Forbidden - Customer's license expired."),
        api("The license of the customer has expired in Exact Online."),
        "De licentie van de klant is verlopen.",
    ),
    "several_users": (
        "Your One Exact Identity account is configured for multiple users. API Connections do not support this type "
        "of account.",
        "Uw account is gekoppeld aan meerdere gebruikers.",
    ),
    "no_current_division": (NO_DIVISION,),
    "nothing_shown": (NOTHING_SHOWN,),
    "unknown_field": (
        api("Could not find a property named 'VATNumber' on type 'Exact.Web.Api.System.Division'."),
    ),
    "division_blocked": ("403 Forbidden, Reason: DivisionBlocked", "The company has been marked as blocked."),
    "forbidden": ("HTTP/1.1 403 Forbidden", "Error 403: "),
    "too_early": (
        '{ "error":"access_denied","error_description":"Rate limit exceeded: access_token not expired" }',
        "Reason: TooEarlyToRefreshTokens: Rate limit exceeded: access_token not expired",
        answers.too_early_error(401).body.decode(),
    ),
    "minute_used_up": (
        "HTTP/1.1 429\r\nX-RateLimit-Minutely-Limit: 60\r\nX-RateLimit-Minutely-Remaining: 0\r\n"
        "X-RateLimit-Minutely-Reset: 1638489600000",
    ),
    "day_used_up": ("HTTP/1.1 429\r\nX-RateLimit-Limit: 5000\r\nX-RateLimit-Remaining: 0",),
    "rate_limited": ("Error 429: ", "API rate limit exceeded", "429 Too Many Requests"),
    "maintenance": (answers.MAINTENANCE,),
    "gateway_fault": (
        answers.APIGEE,
        '{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken",'
        '"detail":{"errorcode":"steps.extractvariables.ExecutionFailed"}}}',
    ),
    "exact_down": (
        "<html><body><h1>503 Service Unavailable</h1></body></html>",
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
        "<html><body><h1>504 Gateway Time-out</h1></body></html>",
        "?error=server_error",
        "HTTP 500",
    ),
    "name_not_found": (
        "[Errno -2] Name or service not known",
        "getaddrinfo ENOTFOUND start.exactonline.nl",
        "cURL error 6: Could not resolve host: start.exactonline.nl",
    ),
    "no_secure_connection": (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate",
    ),
    "connection_refused": ("[Errno 111] Connection refused", "connect ECONNREFUSED 127.0.0.1:443"),
    "not_reached": (),
    "no_answer_in_time": (
        "cURL error 28: Operation timed out after 60001 milliseconds with 0 bytes received",
        "The read operation timed out",
        "Connection reset by peer",
    ),
    "unusable_answer": (
        "json decode failed",
        "Expecting value: line 1 column 1 (char 0)",
        "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    ),
    "unrecognized_literal": (api("Unrecognized 'Edm.Guid' literal 'guid'abc'' in '1'."),),
    "select_or_top": (api("Please add a $select or a $top=1 statement to the query string."),),
    "not_found": ("HTTP 404", "Resource not found for the segment 'Divisons'."),
    "ours": ("A stored secret was changed or moved and cannot be read. Tell an admin.",),
    "bad_request": ("HTTP/1.1 400 Bad Request", "Error 400"),
    "connection_lost": ("Connection lost", "Verbinding verbroken"),
}
"""Rule to messages: Exact's own, then those of programs on the way to it. "not_reached" is seen as a kind only."""

OF_DECISIONS = (UNCONFIRMED, ANSWERS, LOOKING)
"""Rules of no message: what is said where something is decided."""
NO_MESSAGE = {"not_reached"}
PAIRS = [(key, message) for key, messages in VERBATIM.items() for message in messages]


@pytest.mark.parametrize(("key", "message"), PAIRS)
def test_a_message_has_the_meaning_of_its_rule(key: str, message: str) -> None:
    found = diagnose(message)
    assert found.rule.key == key
    assert found.known
    assert [rule.key for rule in found.also] == []


def test_every_rule_has_a_message() -> None:
    assert set(VERBATIM) == {rule.key for rule in RULES}
    assert len(RULES) >= 20
    assert {key for key, messages in VERBATIM.items() if not messages} == NO_MESSAGE


PHRASES = [(rule.key, phrase) for rule in RULES for phrase in (*rule.phrases, *rule.weak)]


@pytest.mark.parametrize(("key", "phrase"), PHRASES)
def test_no_rule_hides_a_phrase_of_another(key: str, phrase: str) -> None:
    assert diagnose(phrase.replace(" … ", " 'something' ")).rule.key == key


def test_phrases_are_written_as_they_are_compared() -> None:
    for _key, phrase in PHRASES:
        for part in phrase.split(" … "):
            assert fold(part) == f" {part} "


@pytest.mark.parametrize("rule", [*RULES, *OF_DECISIONS, UNKNOWN], ids=lambda rule: rule.key)
def test_the_texts_of_a_rule_are_there_in_both_languages(rule: Rule) -> None:
    texts = [text for text in (rule.sentence, rule.say, rule.subject, rule.ask) if text]
    assert len(texts) >= 3
    for text in (rule.sentence, rule.say):
        assert text.endswith(".")
    with language("nl"):
        assert all(_(text) != text for text in texts)
        assert _(RECONNECT_WORDS[rule.reconnect])
    assert "{customer}" in rule.subject


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_has_a_meaning_without_words(kind: FailureKind) -> None:
    assert diagnose("", kind).rule is DEFAULTS[kind]
    assert diagnose("words that nobody knows", kind).rule is DEFAULTS[kind]


def test_one_rule_a_kind_stands_for_the_rest_of_it() -> None:
    assert [rule.kind for rule in RULES if rule.default] == [*{r.kind: 0 for r in RULES if r.default}]
    assert set(DEFAULTS) == set(FailureKind)


def test_what_our_client_made_of_it_rules_other_meanings_out() -> None:
    """At the address for tokens a bare access_denied is no customer who refused."""
    assert diagnose("access_denied").rule.key == "access_denied"
    assert diagnose("access_denied", FailureKind.FORBIDDEN).rule.key == "forbidden"


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (400, "bad_request"),
        (401, "not_authenticated"),
        (403, "forbidden"),
        (404, "not_found"),
        (429, "rate_limited"),
        (500, "exact_down"),
        (503, "exact_down"),
        (200, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_status_alone_says_little_but_something(status: int | None, key: str) -> None:
    assert diagnose("", status=status).rule.key == key


def test_reconnecting_is_asked_of_the_customer_and_of_nobody_else() -> None:
    for rule in RULES:
        if rule.reconnect is Reconnect.YES:
            assert rule.who is Who.CUSTOMER, rule.key
        if rule.who in {Who.NOBODY, Who.EXACT, Who.US}:
            assert not rule.ask and not rule.click_path, rule.key
        if rule.who in {Who.CUSTOMER, Who.CUSTOMER_ADMIN} and rule.reconnect is Reconnect.NO:
            assert rule.ask, rule.key


def test_the_sentence_of_a_failure_comes_out_of_the_same_data() -> None:
    with language("nl"):
        assert sentence_for("refused", "Old refresh token used.") == _(
            diagnose("Old refresh token used").rule.sentence
        )


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("rule", [*RULES, *OF_DECISIONS, UNKNOWN], ids=lambda rule: rule.key)
def test_the_mail_is_short_polite_and_names_the_customer(rule: Rule, code: str) -> None:
    mail = customer_mail(
        Diagnosis(rule, "client_secret=hunter2hunter2"), code, "Bakkerij {Jansen} B.V.", "Sanne"
    )
    assert "Bakkerij {Jansen} B.V." in mail.subject
    assert "Bakkerij {Jansen} B.V." in mail.body
    assert mail.body.splitlines()[0] == {"nl": "Goedendag,", "en": "Hello,"}[code]
    assert mail.body.endswith("Sanne\nClickker")
    assert "hunter2" not in mail.body + mail.subject
    assert "http" not in mail.body
    assert len(mail.body) < 1_000
    step = {"nl": "[plak hier de link", "en": "[paste the link"}[code]
    assert (step in mail.body) is (rule.reconnect is Reconnect.YES)
    assert rule.click_path in mail.body


def test_what_a_mail_does_not_know_stands_in_brackets() -> None:
    mail = customer_mail(diagnose("Old refresh token used"), "nl")
    assert mail.subject == "Graag [naam van de klant] opnieuw verbinden met Exact Online"
    assert "[je naam]" in mail.body


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.who in {Who.NOBODY, Who.EXACT}], ids=lambda rule: rule.key
)
def test_where_nobody_has_to_act_the_sentence_asks_for_nothing(rule: Rule) -> None:
    """The page says beside it that nobody acts."""
    for request in ("ry again in ", "ry again later", "ry again a", "ry again tomorrow", "ry again when", "heck now",
                    "ask the customer", "tell an admin", "obody has to do anything"):  # fmt: skip
        assert request not in rule.sentence
