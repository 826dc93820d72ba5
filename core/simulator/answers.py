"""HTTP answers as the engine gives them, and Exact's error bodies word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from html import escape

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
CHAIN_ID = "Token is not allowed, because of invalid or empty chainId"
NOT_EXPIRED = "Rate limit exceeded: access_token not expired"
MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>Exact Online</title></head>"
    "<body><h1>Exact Online is under maintenance</h1><p>Please try again later.</p></body></html>"
)
APIGEE = json.dumps(
    {
        "fault": {
            "faultstring": "Failed to execute the ExtractVariables: ExtractAccessToken",
            "detail": {"errorcode": "steps.extractvariables.ExecutionFailed"},
        }
    }
)


class Delivery(StrEnum):
    """How the skin brings an answer to the caller."""

    WHOLE = "whole"
    DROPPED = "dropped"
    """The connection breaks before the first byte."""
    CUT = "cut"
    """It breaks in the middle of the body."""
    DRIPPED = "dripped"
    """The body comes in twenty pieces, spread over ``delay``."""


@dataclass(frozen=True)
class Answer:
    """What is sent back; the skin waits ``delay`` seconds first."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    delivery: Delivery = Delivery.WHOLE


class Refused(Exception):
    """The request ends here, with this answer: a way out of a ladder of guards, not an error of the program."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": JSON, **(headers or {})})


def text_answer(text: str, status: int, content_type: str = HTML) -> Answer:
    """A page or any other text."""
    return Answer(status, text.encode(), {"Content-Type": content_type})


def chain_id_error() -> Answer:
    """The chain is broken; the blank after the brace is in every capture."""
    body = '{ "error":"invalid_grant","error_description":"' + CHAIN_ID + '" }'
    return Answer(400, body.encode(), {"Content-Type": JSON, "Reason": f"Unknown: {CHAIN_ID}"})


def old_token_error() -> Answer:
    """The refresh token was used before."""
    body = '{"error":"unauthorized_client","error_description":"Old refresh token used."}'
    return Answer(401, body.encode(), {"Content-Type": JSON})


def too_early_error(status: int = 400) -> Answer:
    """Refreshed sooner than 570 s after the previous token."""
    if status == 401:  # noqa: PLR2004
        headers = {"Content-Type": JSON, "Reason": "Access Token not expired"}
        return Answer(
            401, b'{"error":"access_denied","error_description":"Access Token not expired"}', headers
        )
    body = '{ "error":"access_denied","error_description":"' + NOT_EXPIRED + '" }'
    return Answer(
        400, body.encode(), {"Content-Type": JSON, "Reason": f"TooEarlyToRefreshTokens: {NOT_EXPIRED}"}
    )


def expired_error(expired_at: datetime, now: datetime) -> Answer:
    """The refresh token is past its life: American dates, escaped slashes."""
    text = f"The refresh token expired at {_american(expired_at)} and it is now {_american(now)}."
    body = json.dumps({"error": "invalid_request", "error_description": text}, separators=(",", ":"))
    return Answer(400, body.replace("/", "\\/").encode(), {"Content-Type": JSON})


WRAPPINGS = ("v2", "v3", "v4", "atom", "page", "text", "oauth", "code", "header")
"""Ways in which Exact, or something on the way to it, says what is wrong."""


def said(words: str, status: int, wrapping: str) -> Answer:
    """An error that says ``words``; as a ``code`` or in the ``header`` Reason beside a text that says nothing more."""
    text = json.dumps(words, ensure_ascii=False)
    forms = {
        "v3": '{"odata.error":{"code":"","message":{"lang":"en-US","value":' + text + "}}}",
        "v4": '{"error":{"code":"","message":' + text + "}}",
        "oauth": '{"error":"invalid_request","error_description":' + text + "}",
        "code": '{"error":{"code":' + text + ',"message":{"lang":"","value":"Forbidden"}}}',
    }
    if wrapping in forms:
        return text_answer(forms[wrapping], status, JSON)
    if wrapping == "atom":
        return text_answer(_ATOM_ERROR.format(escape(words)), status, "application/xml;charset=utf-8")
    if wrapping == "page":
        return text_answer(_ERROR_PAGE.format(escape(words)), status)
    if wrapping == "text":
        return text_answer(words, status, "text/plain; charset=utf-8")
    return api_error(status, "Forbidden", words) if wrapping == "header" else api_error(status, words)


_ATOM_ERROR = (
    '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
    '<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
    '<m:code></m:code><m:message xml:lang="en-US">{}</m:message></m:error>'
)
_ERROR_PAGE = (
    "<!DOCTYPE html><html><head><title>Exact Online</title><style>p {{ color: red }}</style>"
    "<script>var forbidden = 'BlockedUser';</script></head>"
    "<body><h1>Er is iets misgegaan</h1><p>{}</p></body></html>"
)


def _american(moment: datetime) -> str:
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004 - noon
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {half}"


def oauth_error(error: str, status: int = 400) -> Answer:
    """A bare OAuth error: here the value of `error` is a string."""
    return Answer(
        status, json.dumps({"error": error}, separators=(",", ":")).encode(), {"Content-Type": JSON}
    )


def api_error(status: int, text: str, reason: str = "") -> Answer:
    """An error of an API call: `error` is an object, code and language are empty, lines end in CRLF."""
    value = json.dumps(text, ensure_ascii=False)
    body = '{\r\n"error": {\r\n"code": "", "message": {\r\n"lang": "", "value": ' + value + "\r\n}\r\n}\r\n}"
    headers = {"Content-Type": JSON, **({"Reason": reason} if reason else {})}
    return Answer(status, body.encode(), headers)
