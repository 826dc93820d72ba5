"""Names are compared as people compare them."""

from __future__ import annotations

import pytest

from core.registrations.names import NameMatch, clean_name, compare_names, name_key


def test_blanks_are_trimmed_and_joined() -> None:
    assert clean_name("  Test \t B.V. ") == "Test B.V."


def test_direction_and_control_characters_are_removed() -> None:
    assert "\u202e" not in clean_name("Test\u202e B.V.")
    assert "\x1b" not in clean_name("Test\x1b[31m B.V.")


def test_case_and_accents_make_no_difference() -> None:
    assert name_key("CAFÉ  De  Zon") == name_key("café de zon") == "cafe de zon"


@pytest.mark.parametrize(
    ("typed", "found", "match"),
    [
        ("Test B.V.", "test bv", NameMatch.SAME),
        ("Bakker", "Bakker B.V.", NameMatch.SAME),
        ("Bakker", "Bakker Holding B.V.", NameMatch.SIMILAR),
        ("Bakkerij Jansen", "Bakkerij Janssen", NameMatch.SIMILAR),
        ("Test B.V.", "Garage De Vries", NameMatch.DIFFERENT),
        ("B.V.", "N.V.", NameMatch.DIFFERENT),
    ],
)
def test_names_are_compared_without_their_legal_form(typed: str, found: str, match: NameMatch) -> None:
    assert compare_names(typed, found) is match
