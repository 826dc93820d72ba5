"""Random tokens, and their hashes."""

from __future__ import annotations

import re

from core.tokens.secrets import hash_token, new_token


def test_tokens_are_long_random_and_fit_for_an_address() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_hash_is_stable_and_takes_anything_a_browser_sends() -> None:
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len({hash_token(text) for text in ("", "\x00", "é", "\ud800", "x" * 1_000_000)}) == 5
