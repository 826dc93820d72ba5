"""Every setting's default is the one that the README's table names, so that neither changes by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.settings import Settings, SingleSignOn

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
IN_WORDS = {
    "log_format": "json",
    "journal_dir": "beside the SQLite file",
    "audit_head": "beside the journal",
    "alarm_to": "core/alarms/addresses.py",
}
"""Defaults that are empty in the code and mean something."""


def defaults() -> dict[str, str]:
    """What the table says: setting to default."""
    found: dict[str, str] = {}
    for line in README.splitlines():
        if line.startswith("| `CLICKKER_"):
            first, default = line.split("|")[1:3]
            names = [name.lower() for name in re.findall(r"CLICKKER_([A-Z]+(?:_[A-Z]+)*)", first)]
            values = default.split(";" if ";" in default else ",")
            # One for all that share a line, or one for each.
            found |= dict(
                zip(names, values if len(values) == len(names) else [default] * len(names), strict=True)
            )
    return {name: default.strip().strip("`") for name, default in found.items()}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_default_is_what_the_table_says(name: str) -> None:
    default, said = Settings.model_fields[name].default, defaults()[name]
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if name in IN_WORDS:
        assert not default
        assert IN_WORDS[name] in said
    elif isinstance(default, bool):
        assert said == ("on" if default else "off")
    elif isinstance(default, int | float):
        assert float(said) == default
    elif isinstance(default, str) and default:
        assert said == default
    else:
        assert said.startswith("none")
        assert default in ("", {}, SingleSignOn())
