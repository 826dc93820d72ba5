"""The README says what is there, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from core.settings import Settings
from dashboard.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_a_line(name: str) -> None:
    assert f"CLICKKER_{name.upper()}" in README


def test_no_setting_is_made_up() -> None:
    named = {name.lower() for name in re.findall(r"CLICKKER_([A-Z]+(?:_[A-Z]+)*)", README)}
    assert named - set(Settings.model_fields) - {"secrets_file"} == set()


def test_every_command_is_named() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert all(f"clickker {name}" in README for name in commands)


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]+]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).stat().st_size > 10_000 for picture in pictures)
