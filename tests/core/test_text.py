"""Text from outside becomes one harmless line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import fold, neutral, squeezed


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


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("CAFÉ  De\u00a0Zon", "cafe de zon"),
        ("O’Brien ‘s ´t", "o'brien 's 't"),
        ("“Zon” «Maan» „Ster“", '"zon" "maan" "ster"'),
        ("K–12—3‑4−5", "k-12-3-4-5"),
        ("Ærø Łódź Straße œuvre Þór ĲSSEL", "aero lodz strasse oeuvre thor ijssel"),
        ("ﬁrma ＡＢＣ １２", "firma abc 12"),
        ("Zu\u0308rich", "zürich"),
        ("so\u00adft\u200b hyphen", "soft hyphen"),
        ("İstanbul", "istanbul"),
    ],
)
def test_what_is_stored_and_what_is_asked_fold_alike(stored: str, asked: str) -> None:
    assert fold(stored) == fold(asked)


@given(st.text(max_size=60))
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_number_is_the_same_with_and_without_what_makes_it_readable() -> None:
    assert squeezed("NL 8123.45.678-B01") == squeezed("nl812345678b01") == "nl812345678b01"
