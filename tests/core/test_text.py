"""Text from outside becomes one harmless line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import neutral


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("  Test B.V.\r\nINFO forged line ", "Test B.V. INFO forged line"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("a\u2066b\u2069\u200f\u061c", "ab"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("nul\x00 bell\x07 del\x7f", "nul bell del"),
        ("half\ud800pair", "halfpair"),
        ("line\u2028separator", "line separator"),
        ("Société Générale — 日本", "Société Générale — 日本"),
        ("", ""),
    ],
)
def test_it_takes_out_what_forges_or_misleads(given_text: str, shown: str) -> None:
    assert neutral(given_text) == shown


def test_it_cuts_to_the_limit_and_shows_that_it_did() -> None:
    assert neutral("x" * 501, 500) == "x" * 499 + "…"
    assert neutral("x" * 500, 500) == "x" * 500
    assert len(neutral("y" * 1_000_000, 40)) == 40


@given(st.text(), st.integers(min_value=1, max_value=600))
def test_whatever_comes_the_result_is_short_visible_and_stable(text: str, limit: int) -> None:
    shown = neutral(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert neutral(shown, limit) == shown
    shown.encode()
