"""The two addresses of OAuth at Exact Online: where the customer consents, and where tokens come from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from core.exact.answers import common_error, exact_words, looks_like_html, read_json
from core.exact.diagnosis import told_kind
from core.exact.environments import base_url, exact_app
from core.exact.errors import ExactError, FailureKind
from core.exact.finding import find_tokens, usable_token
from core.i18n import N_, _
from core.settings import Settings

LIFE_SECONDS = 600
"""How long an access token lives at Exact; assumed when the answer does not say it usably."""
_SHORTEST_LIFE, _LONGEST_LIFE = 1, 86_400

_CODE_REFUSED = N_(
    "Exact Online did not accept the code of this consent: it holds for three minutes and only once. Start "
    "Connect again."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenPair:
    """What Exact answered: the access token, and the only refresh token that is alive from now on."""

    access_token: str = field(repr=False)
    """Empty when the answer lacked it: the refresh token is kept all the same."""
    refresh_token: str = field(repr=False)
    expires_at: datetime
    """When the access token ends; aware UTC."""


def authorize_url(settings: Settings, environment: str, state: str, verifier: str) -> str:
    """Where to send the browser for consent; ``force_login`` asks who it is even in a signed-in browser.

    The PKCE challenge is sent though nothing says that Exact enforces it; the state is what we rely on.
    Raises ``SettingsError`` when the environment is not usable.
    """
    return str(
        prepare_grant_uri(
            base_url(settings, environment) + "/api/oauth2/auth",
            client_id=exact_app(settings, environment).client_id,
            response_type="code",
            redirect_uri=settings.redirect_uri,
            state=state,
            force_login="1",
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


def exchange_body(settings: Settings, environment: str, code: str, verifier: str) -> str:
    """The form that turns a code into tokens."""
    app = exact_app(settings, environment)
    body: str = prepare_token_request(
        "authorization_code",
        redirect_uri=settings.redirect_uri,
        code=code,
        code_verifier=verifier,
        client_id=app.client_id,
        client_secret=app.client_secret.get_secret_value(),
    )
    return body


def refresh_body(settings: Settings, environment: str, refresh_token: str) -> str:
    """The form that turns a refresh token into the next pair. Sending it spends the token."""
    app = exact_app(settings, environment)
    body: str = prepare_token_request(
        "refresh_token",
        refresh_token=refresh_token,
        client_id=app.client_id,
        client_secret=app.client_secret.get_secret_value(),
    )
    return body


def parse_token_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    received_at: datetime,
    *,
    exchanging: bool = False,
    complete: bool = True,
) -> TokenPair:
    """The tokens in an answer of the token address; ``exchanging`` when a code was sent, not a refresh token, and
    not ``complete`` when the end of the body is missing.

    Raises ``ExactError`` for everything else, of the kind that exact-online.md, section 3, gives it.
    """
    lowered = {str(name).lower(): str(value) for name, value in headers.items()}
    good = 200 <= status < 300  # noqa: PLR2004
    fields = find_tokens(body, complete=complete)
    access_token = usable_token(fields.get("access_token"))
    # Some have seen an error bring a new pair; but a refresh token alone may be what we sent, told back to us.
    if fields and (access_token or (good and b"grant_type" not in body)):
        _note_token_type(fields)
        life = timedelta(seconds=_life(fields.get("expires_in")))
        return TokenPair(access_token, usable_token(fields["refresh_token"]), received_at + life)
    if not good:
        raise _token_error(status, lowered, body, received_at, exchanging)
    raise _no_token(status, lowered, body)


def _no_token(status: int, headers: Mapping[str, str], body: bytes) -> ExactError:
    """A good status without a refresh token, which says nothing definite."""
    log.warning("A token answer with status %d holds no refresh token.", status)
    try:
        read_json(body)
    except ValueError:
        kind = FailureKind.OUTAGE if looks_like_html(headers, body) else FailureKind.UNKNOWN
        return ExactError(kind, status=status)
    return ExactError(FailureKind.UNKNOWN, exact_message=exact_words(headers, body), status=status)


def _life(expires_in: Any) -> int:  # noqa: ANN401
    """Seconds: Exact sends a string, the standard a number; nonsense counts as 600."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, str | int | float):
        return LIFE_SECONDS
    try:
        seconds = int(float(expires_in))
    except (ValueError, OverflowError):
        return LIFE_SECONDS
    return seconds if _SHORTEST_LIFE <= seconds <= _LONGEST_LIFE else LIFE_SECONDS


def _note_token_type(answer: dict[str, Any]) -> None:
    kind = answer.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        log.warning("A token answer has another token_type than bearer.")


def _token_error(
    status: int, headers: Mapping[str, str], body: bytes, received_at: datetime, exchanging: bool
) -> ExactError:
    common = common_error(status, headers, body, received_at)
    if common is not None:
        return common
    words = exact_words(headers, body)
    kind = _classify(status, headers, body, words)
    if exchanging and kind in {FailureKind.REFUSED, FailureKind.BAD_REQUEST}:
        # A used or late code is answered with invalid_grant, or with a bare invalid_request.
        return ExactError(FailureKind.REFUSED, exact_message=words, status=status, message=_(_CODE_REFUSED))
    return ExactError(kind, exact_message=words, status=status)


def _classify(status: int, headers: Mapping[str, str], body: bytes, words: str) -> FailureKind:
    """The table of exact-online.md, section 3. A message that is known counts, in whatever it is wrapped; a body that
    is not JSON says nothing definite without one."""
    heard = words.lower()
    error = _error_code(body)
    if "tooearly" in headers.get("reason", "").lower() or "not expired" in heard:
        return FailureKind.TOO_EARLY
    if "rate limit" in heard:
        return FailureKind.RATE_LIMITED
    known = told_kind(words, _SAID_IN_WORDS) or _OF_CODES.get(error)
    if known is None and _says_expired(heard):
        known = FailureKind.REFUSED
    if known is not None:
        return known
    if not error:
        return FailureKind.OUTAGE if looks_like_html(headers, body) else FailureKind.UNKNOWN
    return FailureKind.FORBIDDEN if error == "access_denied" or status == 403 else FailureKind.BAD_REQUEST  # noqa: PLR2004


_OF_CODES = {
    "unauthorized_client": FailureKind.REFUSED,
    "invalid_grant": FailureKind.REFUSED,
    "invalid_client": FailureKind.CLIENT,
}
_SAID_IN_WORDS = frozenset(
    {FailureKind.REFUSED, FailureKind.FORBIDDEN, FailureKind.CLIENT, FailureKind.TOO_EARLY}
)


def _says_expired(heard: str) -> bool:
    return "refresh token" in heard and "expired" in heard


def _error_code(body: bytes) -> str:
    try:
        answer = read_json(body)
    except ValueError:
        return ""
    code = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(code, dict):
        return "error"
    return code.strip().lower() if isinstance(code, str) else ""
