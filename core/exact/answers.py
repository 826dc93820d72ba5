"""Reading what Exact Online answered: JSON of whatever shape, error texts, and rate limits."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.exact.diagnosis import told_kind
from core.exact.errors import ExactError, FailureKind
from core.exact.pages import telling_part, words_of_page

# Exact says when a limit ends as UTC epoch milliseconds; the day is the longest period (exact-online.md, section 6).
_LONGEST_WAIT = timedelta(hours=25)
_SECONDS_NOT_MILLISECONDS = 10**11
_DEEPEST_TEXT = 4
_MOST_DIGITS = 40
_MOST_ERRORS = 20
_TEXT_KEYS = (
    "error_description",
    "message",
    "value",
    "faultstring",
    "error",
    "odata.error",
    "errors",
    "fault",
    "innererror",
    "detail",
    "title",
)
_ERRORS = ("error", "odata.error")
_LONGEST_CODE = 80
_SAID_IN_WORDS = frozenset({FailureKind.FORBIDDEN, FailureKind.OUTAGE, FailureKind.RATE_LIMITED})
"""What the API may say with whatever status. That a consent is over is said by the address for tokens alone."""
_NO_OUTAGE = frozenset({FailureKind.FORBIDDEN})
_LARGEST_WHOLE = 2**63 - 1
_LARGEST_EXACT = 2.0**53
_WHOLE = re.compile(r"([0-9]{1,19})(?:\.0{0,20})?")


def read_json(body: bytes) -> Any:  # noqa: ANN401 - the shape is what the caller finds out
    """The JSON value of ``body``, in whichever Unicode; of doubled keys the last that is neither null nor empty.

    Raises ``ValueError`` for everything that is not JSON, nesting without end included.
    """
    try:
        text = body.decode(json.detect_encoding(body))
        return json.loads(text, object_pairs_hook=_last_that_says_something, parse_int=_readable)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def looks_like_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether it is a page for people: Exact sends its maintenance page even with status 200."""
    return (
        "html" in headers.get("content-type", "").lower() or body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<"
    )


def exact_words(headers: Mapping[str, str], body: bytes) -> str:
    """What Exact says is wrong: the text of the error in any of its shapes, its code, then the header Reason."""
    try:
        answer = read_json(body)
    except ValueError:
        said, code = words_of_page(body) if _is_text(headers, body) else "", ""
    else:
        said, code = telling_part(_text_of(answer)), _code_in(answer)[:_LONGEST_CODE]
        within = telling_part(_text_within(answer))
        if told_kind(said) is None and told_kind(within) is not None:
            said = within
    words: list[str] = []
    for part in (said, code, headers.get("reason", "")):
        if part and not any(part in earlier for earlier in words):
            words.append(part)
    return " · ".join(words)


def retry_moment(headers: Mapping[str, str], received_at: datetime) -> datetime | None:
    """When the limit that was hit ends: of the exhausted ones the last, else the first known; None when unsaid."""
    known: list[datetime] = []
    exhausted: list[datetime] = []
    for prefix in ("x-ratelimit", "x-ratelimit-minutely"):
        moment = epoch(headers.get(f"{prefix}-reset"), received_at)
        if moment is not None:
            known.append(moment)
            if headers.get(f"{prefix}-remaining", "").strip() in {"0", "-1"}:
                exhausted.append(moment)
    if known:
        return max(exhausted) if exhausted else min(known)
    seconds = number(headers.get("retry-after"))
    if seconds is None or not 0 <= seconds <= _LONGEST_WAIT.total_seconds():
        return None
    return received_at + timedelta(seconds=seconds)


def common_error(
    status: int, headers: Mapping[str, str], body: bytes, received_at: datetime
) -> ExactError | None:
    """The failures that look the same at every address: 429, 5xx, a page of maintenance, a redirect; else None."""
    words = exact_words(headers, body)
    if status == 429:  # noqa: PLR2004
        return ExactError(
            FailureKind.RATE_LIMITED,
            exact_message=words,
            retry_at=retry_moment(headers, received_at),
            status=status,
        )
    if status >= 500:  # noqa: PLR2004
        return ExactError(FailureKind.OUTAGE, exact_message=words, status=status)
    if not 200 <= status < 300 and status < 400:  # noqa: PLR2004
        return ExactError(FailureKind.UNKNOWN, exact_message=words, status=status)
    return None


def _readable(digits: str) -> int | float:
    """A whole number; one of absurdly many digits is no number of anything, and must not cost the whole answer."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def api_answer(status: int, headers: Mapping[str, str], body: bytes, received_at: datetime) -> Any:  # noqa: ANN401
    """The JSON of a good answer of the API; raises ``ExactError`` for any other (exact-online.md, section 7).

    What Exact says counts for more than the status that it says it with: a licence that has expired is no outage, and
    maintenance no fault of ours.
    """
    error = common_error(status, headers, body, received_at)
    if error is not None:
        if error.kind is FailureKind.OUTAGE and told_kind(error.exact_message, _NO_OUTAGE):
            raise ExactError(FailureKind.FORBIDDEN, exact_message=error.exact_message, status=status)
        raise error
    content_type = headers.get("content-type", "").lower()
    if status < 400 and "json" in content_type and not looks_like_html(headers, body):  # noqa: PLR2004
        try:
            answer = read_json(body)
        except ValueError:
            raise ExactError(FailureKind.UNKNOWN, status=status) from None
        if not isinstance(answer, dict) or "d" in answer or not _of_errors(answer):
            return answer
    words = exact_words(headers, body)
    kind = told_kind(words, _SAID_IN_WORDS) or _kind_of(status, headers, body)
    raise ExactError(kind, exact_message=words, status=status)


def _kind_of(status: int, headers: Mapping[str, str], body: bytes) -> FailureKind:
    if status >= 400:  # noqa: PLR2004
        kinds = {401: FailureKind.NOT_AUTHENTICATED, 403: FailureKind.FORBIDDEN}
        return kinds.get(status, FailureKind.BAD_REQUEST)
    page = looks_like_html(headers, body) and "xml" not in headers.get("content-type", "").lower()
    return FailureKind.OUTAGE if page else FailureKind.UNKNOWN


def _is_text(headers: Mapping[str, str], body: bytes) -> bool:
    return looks_like_html(headers, body) or headers.get("content-type", "").lower().startswith("text/")


def _of_errors(answer: dict[str, Any]) -> list[Any]:
    return [value for key, value in answer.items() if key.lower() in _ERRORS]


def _code_in(answer: Any, depth: int = 0) -> str:  # noqa: ANN401
    """The code of an error, where it says something: {"error":{"code":"LicenseExpired", ...}}, and its likes.

    Of an error within an error too, where the message beside it says less than that.
    """
    if depth > _DEEPEST_TEXT:
        return ""
    if isinstance(answer, list):
        return next(filter(None, (_code_in(item, depth + 1) for item in answer[:_MOST_ERRORS])), "")
    if not isinstance(answer, dict):
        return ""
    lowered = {key.lower(): item for key, item in answer.items()}
    code = lowered.get("code") or lowered.get("errorcode")
    if isinstance(code, str) and not code.strip().isdigit():
        return code
    inner = (
        _code_in(lowered.get(key), depth + 1) for key in (*_ERRORS, "errors", "fault", "detail", "innererror")
    )
    return next(filter(None, inner), "")


def _last_that_says_something(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if value not in (None, "") or key not in read:
            read[key] = value
    return read


def _text_of(value: Any, depth: int = 0) -> str:  # noqa: ANN401
    """The error of OAuth, of OData in its versions 2 to 4, of a gateway, and of others on the way to Exact."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST_TEXT:
        return ""
    if isinstance(value, list):
        found = (_text_of(item, depth + 1) for item in value[:_MOST_ERRORS])
    elif isinstance(value, dict):
        lowered = {key.lower(): item for key, item in value.items()}
        found = (_text_of(lowered.get(key), depth + 1) for key in _TEXT_KEYS)
    else:
        return ""
    return next((text for text in found if text), "")


def _text_within(answer: Any) -> str:  # noqa: ANN401
    """What stands in the error within an error: the outer one may only say that one occurred."""
    errors = (
        [error for error in _of_errors(answer) if isinstance(error, dict)] if isinstance(answer, dict) else []
    )
    return _text_of([error.get(key) for error in errors for key in ("innererror", "details", "detail")])


def epoch(text: str | None, received_at: datetime) -> datetime | None:
    """The moment that a reset header names; None when it is none, passed, or further away than a day."""
    given = number(text)
    if given is None:
        return None
    seconds = given if given < _SECONDS_NOT_MILLISECONDS else given / 1000
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment if received_at < moment <= received_at + _LONGEST_WAIT else None


def whole(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON holds
    """A whole number from 0 to 2^63-1, however it is written: 2000001, 2000001.0, "2000001" or " 2000001.0 ".

    None for everything else: NaN, half and negative numbers, booleans, and a fraction that is too large to be exact.
    """
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value.strip())
        value = int(found[1]) if found else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() and value < _LARGEST_EXACT else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_WHOLE:
        return None
    return value


def code_of(value: Any) -> int | None:  # noqa: ANN401
    """The code of an administration: a whole number above 0, read alike wherever Exact names one."""
    return whole(value) or None


def number(text: str | None) -> float | None:
    """The digits of a header as a number; None for anything else."""
    cleaned = (text or "").strip()
    return float(cleaned) if cleaned.isascii() and cleaned.isdigit() and len(cleaned) < 16 else None  # noqa: PLR2004
