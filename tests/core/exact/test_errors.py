"""Every failure carries a sentence that says who must do what."""

from __future__ import annotations

import pytest

from core.exact.diagnosis import sentence_for
from core.exact.errors import ExactError, FailureKind


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_has_a_sentence_of_its_own(kind: FailureKind) -> None:
    message = ExactError(kind).message
    assert message.endswith(".")
    assert sum(sentence_for(other) == message for other in FailureKind) == 1


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (FailureKind.NOT_SENT, True),
        (FailureKind.UNKNOWN, True),
        (FailureKind.OUTAGE, True),
        (FailureKind.RATE_LIMITED, True),
        (FailureKind.TOO_EARLY, True),
        (FailureKind.REFUSED, False),
        (FailureKind.NOT_AUTHENTICATED, True),
        (FailureKind.FORBIDDEN, False),
        (FailureKind.BAD_REQUEST, False),
        (FailureKind.CLIENT, False),
    ],
)
def test_it_says_whether_trying_again_can_help(kind: FailureKind, retryable: bool) -> None:
    assert ExactError(kind).retryable is retryable


@pytest.mark.parametrize(
    ("heard", "who"),
    [
        ("Forbidden - User division is not within division scope.", "Ask the customer to add it"),
        ("Forbidden - WrongDivision", "Ask the customer to permit it"),
        ("NoDivisionAccess", "customer's administrator to give access"),
        ("Forbidden - Application Scope Violated. Cannot read 'x' scope.", "An admin must add it"),
        ("BlockedUser", "unblock the user"),
        ("InactiveUser", "connect again with another"),
        ("BlockedCustomer", "settle this with Exact"),
        ("LicenseExpired", "licence"),
        ("DivisionBlocked", "It goes on by itself"),
        ("something else", "check the rights"),
    ],
)
def test_a_forbidden_call_names_whoever_can_mend_it(heard: str, who: str) -> None:
    assert who in ExactError(FailureKind.FORBIDDEN, exact_message=heard).message


def test_the_words_of_exact_are_made_harmless_and_short() -> None:
    error = ExactError(FailureKind.BAD_REQUEST, exact_message="\x1b[31mbad\r\nthing\u202e" + "x" * 600)
    assert error.exact_message.startswith("bad thing")
    assert len(error.exact_message) == 500
    assert "bad thing" not in repr(error)
    assert "bad thing" not in str(error)


def test_a_kind_of_another_version_reads_as_unknown() -> None:
    assert sentence_for("from the future") == sentence_for("unknown")
