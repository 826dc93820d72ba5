"""Codes, chains and pairs of tokens: how they look, how they are born, how they die."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from core.simulator.config import SecondConsent
from core.simulator.context import Context, consent_of
from core.simulator.state import Chain, Code, Consent, Pair, key


def new_code(context: Context, environment: str, client_id: str, user: str, challenge: str = "") -> str:
    """Issue an authorization code; single use, 180 s."""
    value = f"stamp{environment.upper()}001.{secrets.token_urlsafe(3)}!IAAAA{secrets.token_urlsafe(375)}"
    now = context.clock.now()
    life = timedelta(seconds=context.config.code_seconds)
    context.state.codes = {v: c for v, c in context.state.codes.items() if c.issued_at > now - 10 * life}
    context.state.codes[value] = Code(value, environment, client_id, user, now, challenge)
    context.touch()
    return value


def give_consent(
    context: Context, environment: str, client_id: str, user: str, divisions: list[int] | None
) -> Consent:
    """Write down what the user permits; None is all current and future divisions."""
    before = consent_of(context, environment, client_id, user)
    if before and context.config.second_consent is SecondConsent.WIDENS:
        divisions = _union(before.divisions, divisions)
    consent = Consent(environment, client_id, user, divisions, context.clock.now())
    context.state.consents[key(environment, client_id, user)] = consent
    context.touch()
    return consent


def _union(one: list[int] | None, other: list[int] | None) -> list[int] | None:
    return None if one is None or other is None else sorted({*one, *other})


def begin_chain(context: Context, code: Code) -> Pair:
    """A new chain for the user of ``code``; the user's earlier chain with the same app ends here."""
    chain = Chain(secrets.token_hex(8), code.environment, code.client_id, code.user)
    if context.config.one_chain_per_user:
        end_chains(context, code.environment, code.client_id, code.user, "superseded")
    context.state.chains[chain.id] = chain
    return issue_pair(context, chain, parent=None)


def end_chains(context: Context, environment: str, client_id: str, user: str, why: str) -> int:
    """End every living chain of this user with this app; the number of them."""
    ended = [
        chain
        for chain in context.state.chains.values()
        if (chain.environment, chain.client_id, chain.user) == (environment, client_id, user)
        and not chain.ended
    ]
    for chain in ended:
        chain.ended = why
    context.touch()
    return len(ended)


def issue_pair(context: Context, chain: Chain, parent: Pair | None) -> Pair:
    """A new access and refresh token, both well over 500 characters long."""
    stamp = f"stamp{chain.environment.upper()}001"
    context.state.issued += 1
    pair = Pair(
        number=context.state.issued,
        chain=chain.id,
        access_token=f"{stamp}.gAAAA{secrets.token_urlsafe(390)}",
        refresh_token=f"{stamp}.{secrets.token_urlsafe(3)}!IAAAA{secrets.token_urlsafe(390)}",
        issued_at=context.clock.now(),
        parent=parent.refresh_token if parent else "",
    )
    context.state.pairs[pair.refresh_token] = pair
    context.by_access[pair.access_token] = pair.refresh_token
    if parent:
        parent.children.append(pair.refresh_token)
        parent.spent_at = parent.spent_at or pair.issued_at
    if context.state.issued % 1000 == 0:
        _forget_old_pairs(context)
    context.touch()
    return pair


def _forget_old_pairs(context: Context) -> None:
    # Ten days longer than they can matter, so that a journal still shows how they ended.
    oldest = context.clock.now() - timedelta(days=context.config.refresh_days + 10)
    context.state.pairs = {t: p for t, p in context.state.pairs.items() if p.issued_at > oldest}
    context.by_access = {p.access_token: t for t, p in context.state.pairs.items()}


def refresh_expires_at(context: Context, pair: Pair) -> datetime:
    return pair.issued_at + timedelta(days=context.config.refresh_days)


def condition(context: Context, pair: Pair) -> str:
    """How a refresh token stands: 'live', 'spent', 'expired', 'superseded' or 'revoked'."""
    if pair.spent_at:
        return "spent"
    chain = context.state.chains[pair.chain]
    if chain.ended:
        return chain.ended
    return "expired" if context.clock.now() >= refresh_expires_at(context, pair) else "live"
