"""Each of the thirty-two checks has a test that names it, and each group a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
CHECKS = range(1, 33)
_NAMED = re.compile(r"^\s*(?:async )?def test_check_(\d\d)_", re.MULTILINE)


def numbers() -> dict[int, list[str]]:
    """The files that hold a test of each check."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for number in set(_NAMED.findall(path.read_text(encoding="utf-8"))):
            found.setdefault(int(number), []).append(path.relative_to(TESTS).as_posix())
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_a_test(check: int) -> None:
    assert numbers().get(check), f"no test is called test_check_{check:02}_..."
    assert any(file.startswith("security/") for file in numbers()[check]), "it belongs in tests/security"


def test_no_check_is_made_up() -> None:
    assert set(numbers()) <= set(CHECKS)
