"""The README says what is there, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from core.settings import ExactApp, Settings, SingleSignOn
from dashboard.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


TABLE_ROW = re.compile(r"^\| (`[^|]+) \|.*$", re.MULTILINE)
NOT_OURS = {"secrets_file"}
"""Read before there are settings: it says where they are."""


def named_settings(readme: str) -> set[str]:
    """What the table of settings names, whole: ``exact__NL__CLIENT_ID`` counts as ``exact``."""
    cells = [word for cell in TABLE_ROW.findall(readme) for word in re.findall(r"`([^`]+)`", cell)]
    names = {word.removeprefix("CLICKKER_") for word in cells if word.startswith("CLICKKER_")}
    return {name.partition("__")[0].lower() for name in names}


def parts_named(readme: str, setting: str) -> set[str]:
    """The parts that a setting with parts of its own is named with."""
    [cell] = [cell for cell in TABLE_ROW.findall(readme) if f"`CLICKKER_{setting.upper()}__" in cell]
    return {word.rpartition("__")[2].lower() for word in re.findall(r"`([^`]+)`", cell)}


def test_the_table_names_every_setting_and_no_other() -> None:
    assert named_settings(README) == set(Settings.model_fields) | NOT_OURS


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_without_its_own_name_in_the_table_is_missed(name: str) -> None:
    """Another that begins alike does not stand in for it: CLICKKER_KEEPER_SECONDS is not CLICKKER_KEEPER."""
    without = re.sub(rf"`CLICKKER_{name.upper()}(`|__)", r"`\1", README)
    assert name not in named_settings(without)


def test_settings_with_parts_name_them_all() -> None:
    assert parts_named(README, "exact") == set(ExactApp.model_fields)
    assert parts_named(README, "sso") == set(SingleSignOn.model_fields)


def test_what_the_text_names_is_in_the_table() -> None:
    said = {name.lower() for name in re.findall(r"\bCLICKKER_([A-Z]+(?:_[A-Z]+)*)", README)}
    assert said - named_settings(README) == set()


def test_every_command_is_named() -> None:
    """In the table of commands, those of a group beside it: ``clickker operator add``, ``list`` ..."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert commands_named(README) == {
        f"{name} {sub}".strip()
        for name, command in commands.items()
        for sub in getattr(command, "commands", [""])
    }


def commands_named(readme: str) -> set[str]:
    found = set()
    for cell in TABLE_ROW.findall(readme):
        first, *others = re.findall(r"`([^`]+)`", cell)
        if first.startswith("clickker "):
            words = [word for word in first.split()[1:] if word.islower() and not word.startswith("--")]
            found.add(" ".join(words))
            found |= {f"{words[0]} {other.split()[0]}" for other in others}
    return found


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]+]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).stat().st_size > 10_000 for picture in pictures)
