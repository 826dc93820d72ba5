"""POST /api/oauth2/token: a code or a refresh token becomes a pair of tokens, or an error in Exact's own words."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, unquote

from core.simulator import answers
from core.simulator.answers import Answer, Refused, json_answer, oauth_error
from core.simulator.config import Grace, Revoked, SimulatorApp, SpentCode, TooEarly
from core.simulator.context import Context
from core.simulator.faults import Place
from core.simulator.issue import begin_chain, issue_pair, refresh_expires_at
from core.simulator.state import Code, Pair


@dataclass(frozen=True)
class TokenRequest:
    """What arrived, undigested."""

    environment: str
    body: bytes = b""
    content_type: str = "application/x-www-form-urlencoded"
    authorization: str = ""

    def form(self) -> dict[str, str]:
        """The fields of the form; empty when it is none."""
        if not self.content_type.lower().startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


def place_of(context: Context, request: TokenRequest) -> Place:
    """Where the request belongs, as far as the tokens in it tell."""
    form = request.form()
    pair = context.state.pairs.get(form.get("refresh_token", ""))
    owner = context.state.chains[pair.chain] if pair else context.state.codes.get(form.get("code", ""))
    return Place("token", request.environment, owner.user if owner else "", 0)


def answer_token(context: Context, request: TokenRequest) -> Answer:
    """The answer to a token request."""
    try:
        form = request.form()
        app = _authenticate(context, request, form)
        grant = form.get("grant_type", "")
        if grant == "authorization_code":
            return _exchange(context, app, form)
        if grant == "refresh_token":
            return _refresh(context, app, form)
        return oauth_error("unsupported_grant_type" if grant else "invalid_request")
    except Refused as refused:
        return refused.answer


def client_id_of(request: TokenRequest) -> str:
    """The client id a request names, in its header or in its body."""
    return _credentials(request, request.form())[0]


def _credentials(request: TokenRequest, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = request.authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(user), unquote(password)


def _authenticate(context: Context, request: TokenRequest, form: dict[str, str]) -> SimulatorApp:
    if request.authorization.lower().startswith("bearer"):
        raise Refused(oauth_error("invalid_request", 401))
    client_id, secret = _credentials(request, form)
    app = context.config.app(request.environment, client_id)
    if app is None or not hmac.compare_digest(app.client_secret.encode(), secret.encode()):
        raise Refused(oauth_error("invalid_client", context.config.invalid_client_status))
    return app


def _exchange(context: Context, app: SimulatorApp, form: dict[str, str]) -> Answer:
    code = context.state.codes.get(form.get("code", ""))
    life = timedelta(seconds=context.config.code_seconds)
    if (
        code is None
        or code.client_id != app.client_id
        or code.spent_at
        or context.clock.now() > code.issued_at + life
    ):
        raise Refused(_spent_code_error(context))
    if form.get("redirect_uri") != app.redirect_uri:
        raise Refused(oauth_error("invalid_request"))
    if context.config.enforce_pkce and not _verified(code, form.get("code_verifier", "")):
        raise Refused(oauth_error("invalid_grant"))
    code.spent_at = context.clock.now()
    return _token_answer(context, begin_chain(context, code))


def _spent_code_error(context: Context) -> Answer:
    if context.config.spent_code is SpentCode.INVALID_REQUEST:
        return oauth_error("invalid_request")
    return answers.chain_id_error()


def _verified(code: Code, verifier: str) -> bool:
    if not code.challenge:
        return True
    digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, code.challenge)


def _refresh(context: Context, app: SimulatorApp, form: dict[str, str]) -> Answer:
    pair = context.state.pairs.get(form.get("refresh_token", ""))
    if pair is None:
        raise Refused(answers.chain_id_error())
    chain = context.state.chains[pair.chain]
    if (
        chain.client_id != app.client_id
        or chain.environment != app.environment
        or chain.ended == "superseded"
    ):
        raise Refused(answers.chain_id_error())
    if chain.ended:
        raise Refused(_revoked_error(context))
    if pair.spent_at and not _graced(context, pair):
        raise Refused(answers.old_token_error())
    _refuse_expired(context, pair)
    _refuse_early(context, pair)
    pair.used_at = pair.used_at or context.clock.now()
    return _token_answer(context, issue_pair(context, chain, pair))


def _revoked_error(context: Context) -> Answer:
    if context.config.revoked is Revoked.UNAUTHORIZED_401:
        return answers.old_token_error()
    return answers.chain_id_error()


def _graced(context: Context, pair: Pair) -> bool:
    if context.config.grace is Grace.TEN_MINUTES:
        return pair.spent_at is not None and context.clock.now() <= pair.spent_at + timedelta(minutes=10)
    if context.config.grace is Grace.UNTIL_SUCCESSOR_USED:
        children = [context.state.pairs[token] for token in pair.children if token in context.state.pairs]
        return bool(children) and not any(child.used_at for child in children)
    return False


def _refuse_expired(context: Context, pair: Pair) -> None:
    expires_at, now = refresh_expires_at(context, pair), context.clock.now()
    if now >= expires_at:
        raise Refused(answers.expired_error(expires_at, now))


def _refuse_early(context: Context, pair: Pair) -> None:
    if not pair.parent and not context.config.early_rule_after_code:
        return
    if context.clock.now() >= pair.issued_at + timedelta(seconds=context.config.min_refresh_age):
        return
    if context.config.too_early is TooEarly.CONSUMED:
        pair.spent_at = context.clock.now()
        context.touch()
    raise Refused(answers.too_early_error(401 if context.config.too_early is TooEarly.STATUS_401 else 400))


def _token_answer(context: Context, pair: Pair) -> Answer:
    seconds = context.config.access_seconds
    return json_answer(
        {
            "access_token": pair.access_token,
            "token_type": "bearer",
            "expires_in": str(seconds) if context.config.expires_in_as_string else seconds,
            "refresh_token": pair.refresh_token,
        }
    )
