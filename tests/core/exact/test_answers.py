"""When a limit ends, and what Exact says in each of its shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.exact.answers import common_error, exact_words, looks_like_html, read_json, retry_moment
from core.exact.errors import FailureKind

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
        (limits(x_ratelimit_reset="0"), None),
        (limits(x_ratelimit_reset=ms(0)), None),
        (limits(x_ratelimit_reset=ms(1)), 1),
        (limits(x_ratelimit_reset=ms(90_000)), 90_000),
        (limits(x_ratelimit_reset=ms(90_001)), None),
        (limits(retry_after="0"), 0),
        (limits(retry_after="90000"), 90_000),
        (limits(retry_after="90001"), None),
        (limits(x_ratelimit_reset=ms(60), retry_after="45"), 60),
        (
            limits(
                x_ratelimit_reset=ms(7200),
                x_ratelimit_remaining=" -1 ",
                x_ratelimit_minutely_reset=ms(30),
                x_ratelimit_minutely_remaining="0",
            ),
            7200,
        ),
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


@pytest.mark.parametrize(("depth", "words"), [(5, "deep"), (6, "")])
def test_words_are_looked_for_five_levels_deep(depth: int, words: str) -> None:
    assert exact_words({}, ('{"error":' * depth + '"deep"' + "}" * depth).encode()) == words


def test_of_doubled_keys_the_last_that_says_something_counts() -> None:
    assert read_json(b'{"a":"first","a":"second"}') == {"a": "second"}
    assert read_json(b'{"a":"first","a":null,"b":"kept","b":""}') == {"a": "first", "b": "kept"}
    assert read_json(b'{"a":null,"b":"","c":0}') == {"a": None, "b": "", "c": 0}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (199, FailureKind.UNKNOWN),
        (200, None),
        (299, None),
        (300, FailureKind.UNKNOWN),
        (399, FailureKind.UNKNOWN),
        (400, None),
        (428, None),
        (429, FailureKind.RATE_LIMITED),
        (430, None),
        (499, None),
        (500, FailureKind.OUTAGE),
        (599, FailureKind.OUTAGE),
    ],
)
def test_what_means_the_same_at_every_address_goes_by_the_status(
    status: int, kind: FailureKind | None
) -> None:
    error = common_error(status, limits(retry_after="45"), b'{"error_description":"why"}', AT)
    if error is None:
        assert kind is None
        return
    assert (error.kind, error.status, error.exact_message) == (kind, status, "why")
    assert error.retry_at == (AT + timedelta(seconds=45) if status == 429 else None)


@pytest.mark.parametrize(
    ("content_type", "body", "is_one"),
    [
        ("text/HTML; charset=utf-8", b"", True),
        ("application/json", b"\xef\xbb\xbf\r\n\t <html>", True),
        ("application/json", b"{}", False),
        ("text/plain", b"down <b>", False),
    ],
)
def test_a_page_for_people_is_known_by_its_type_or_its_first_character(
    content_type: str, body: bytes, is_one: bool
) -> None:
    assert looks_like_html({"content-type": content_type}, body) is is_one


def test_nesting_without_end_is_no_json() -> None:
    for endless in (b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json(endless)
