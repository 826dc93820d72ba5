"""Forms of plain pages: read with a bound, and only from a page of ours."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from core.settings import Settings
from core.tokens.secrets import hash_token, new_token
from dashboard.cookies import form_cookie, set_cookie
from dashboard.origin import from_elsewhere

LARGEST = 8_192
"""Bytes; the forms here hold two passwords, or nothing."""


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a posted form, the last of each name; None when it is too large or no form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    return {name: values[-1] for name, values in fields.items()}


def form_secret(request: Request, settings: Settings) -> str:
    """The secret of this browser's forms, new when it has none yet."""
    return request.cookies.get(form_cookie(settings)) or new_token()


def form_token(secret: str) -> str:
    """What the form carries in a hidden field: another site can neither read it nor the cookie behind it."""
    return hash_token("form:" + secret)


def keep_form_secret(response: Response, settings: Settings, secret: str) -> Response:
    """The response, with the cookie that the posted form is compared with."""
    response.headers.append("set-cookie", set_cookie(settings, form_cookie(settings), secret))
    return response


def is_ours(request: Request, settings: Settings, fields: Mapping[str, str]) -> bool:
    """Whether a page of ours posted this: by the cookie and the hidden field together, and by origin."""
    secret = request.cookies.get(form_cookie(settings), "")
    given = fields.get("csrf", "")
    same = hmac.compare_digest(given.encode(), form_token(secret).encode())
    return bool(secret) and same and not from_elsewhere(request, settings)
