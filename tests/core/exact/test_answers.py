"""When a limit ends, and what Exact says in each of its shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.exact.answers import exact_words, retry_moment

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def ms(seconds: float) -> str:
    return str(int((AT + timedelta(seconds=seconds)).timestamp() * 1000))


def limits(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        (limits(x_ratelimit_minutely_reset=ms(30)), 30),
        (limits(x_ratelimit_reset=ms(7200)), 7200),
        (limits(x_ratelimit_reset=ms(7200), x_ratelimit_minutely_reset=ms(30)), 30),
        (
            limits(
                x_ratelimit_reset=ms(7200),
                x_ratelimit_remaining="0",
                x_ratelimit_minutely_reset=ms(30),
                x_ratelimit_minutely_remaining="12",
            ),
            7200,
        ),
        (
            limits(
                x_ratelimit_reset=ms(7200),
                x_ratelimit_remaining="100",
                x_ratelimit_minutely_reset=ms(30),
                x_ratelimit_minutely_remaining="0",
            ),
            30,
        ),
        (limits(retry_after="45"), 45),
        (limits(retry_after="Mon, 23 Nov 2026 12:01:00 GMT"), None),
        (limits(x_ratelimit_minutely_reset=str(int(AT.timestamp()) + 20)), 20),
        (limits(x_ratelimit_minutely_reset=ms(-10)), None),
        (limits(x_ratelimit_reset=ms(10**8)), None),
        (limits(x_ratelimit_reset="9" * 15), None),
        (limits(x_ratelimit_reset="9" * 400), None),
        (limits(x_ratelimit_reset="soon"), None),
        (limits(x_ratelimit_reset="١٢٣"), None),
        (limits(x_ratelimit_reset="-5"), None),
    ],
)
def test_the_end_of_a_limit_is_read_from_epoch_milliseconds(
    headers: dict[str, str], seconds: int | None
) -> None:
    expected = None if seconds is None else AT + timedelta(seconds=seconds)
    assert retry_moment(headers, AT) == expected


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        ('{\r\n"error": {\r\n"code": "", "message": {\r\n"lang": "", "value": "No"\r\n}\r\n}\r\n}', {}, "No"),
        ('{"error":"invalid_grant","error_description":"why"}', {}, "why"),
        ('{"error":"invalid_grant"}', {}, "invalid_grant"),
        ('{"error":{"message":"plain"}}', {}, "plain"),
        ("", {"reason": "BlockedUser"}, "BlockedUser"),
        ('{"error_description":"why"}', {"reason": "Code: why"}, "why · Code: why"),
        ('{"error_description":"Code: why"}', {"reason": "Code: why"}, "Code: why"),
        ("[]", {}, ""),
        ("<html>", {}, ""),
        ('{"error":' * 30 + "1" + "}" * 30, {}, ""),
    ],
)
def test_the_words_of_exact_are_found_in_every_shape(body: str, headers: dict[str, str], words: str) -> None:
    assert exact_words(headers, body.encode()) == words
