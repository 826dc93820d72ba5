"""Finding the tokens in an answer of the token address, whatever shape it has come in.

Once Exact has answered, the only refresh token alive is in that answer: whoever wrapped it on the way, or cut off its
end, must not cost the customer a new consent. A token is taken only where it stands whole.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from core.exact.answers import read_json

_LONGEST_TOKEN = 16_000
_DEEPEST = 6
_FIELDS = {
    name.replace("_", ""): name for name in ("access_token", "refresh_token", "expires_in", "token_type")
}

_QUOTED = re.compile(
    r"""(access_?token|refresh_?token)["']?\s*[:=]\s*(["'])((?:[^"'\\\s]|\\.){1,16000})\2""", re.I
)
_TAGGED = re.compile(r"<(access_?token|refresh_?token)()>\s*([^<>\s]{1,16000})\s*</", re.I)
_FORM = re.compile(r"[!#-;=?-~]+")
"""Printable ASCII without blanks, quotes and angle brackets."""


def usable_token(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """The token, or nothing: printable ASCII without spaces, since it goes into a header and a form."""
    token = value.strip() if isinstance(value, str) else ""
    fits = 0 < len(token) <= _LONGEST_TOKEN and all("!" <= character <= "~" for character in token)
    return token if fits else ""


def find_tokens(body: bytes, *, complete: bool = True) -> dict[str, Any]:
    """The fields that stand beside a usable refresh token; empty when there is no such token.

    Of several the outermost counts, and of those the last. ``complete``: whether nothing of the body is missing.
    """
    try:
        return _in_value(read_json(body))
    except ValueError:
        texts = _texts(body)
        return next((found for text in texts if (found := _in_text(text) or _in_form(text, complete))), {})


def _in_value(value: Any) -> dict[str, Any]:  # noqa: ANN401
    level = [value]
    for _depth in range(_DEEPEST):
        for item in reversed(level):
            fields = _fields(item)
            if usable_token(fields.get("refresh_token")):
                return fields
        level = [child for item in level for child in _inside(item)]
    return {}


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """The fields that we know, whichever way their names are written."""
    fields: dict[str, Any] = {}
    for key, content in value.items() if isinstance(value, dict) else ():
        name = _FIELDS.get(re.sub(r"[\s_-]", "", key).lower())
        if name and (content or name not in fields):
            fields[name] = content
    return fields


def _inside(value: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    elif isinstance(value, str) and "{" in value:  # JSON in a text, as after encoding it twice
        try:
            yield read_json(value.encode("utf-8", "replace"))
        except ValueError:
            return


def _texts(body: bytes) -> Iterator[str]:
    text = body.decode(json.detect_encoding(body), "replace")
    yield text
    if "&quot;" in text or "&#34;" in text:
        yield html.unescape(text)


def _in_text(text: str) -> dict[str, Any]:
    """What stands whole in what is no JSON: with text around it, cut off, or in XML."""
    fields: dict[str, Any] = {}
    for pattern in (_QUOTED, _TAGGED):
        for key, quote, written in pattern.findall(text):
            if token := usable_token(_unescaped(written) if quote else html.unescape(written)):
                fields |= _fields({key: token})
    return fields if "refresh_token" in fields else {}


def _unescaped(written: str) -> str:
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return ""


def _in_form(text: str, complete: bool) -> dict[str, Any]:
    form = text.lstrip("\ufeff").strip()
    if not _FORM.fullmatch(form):
        return {}
    # Of half a form the last field may have lost its end.
    fields = _fields(dict(parse_qsl(form if complete else form.rpartition("&")[0])))
    return fields if usable_token(fields.get("refresh_token")) else {}
