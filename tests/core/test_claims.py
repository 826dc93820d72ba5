"""No sentence claims what the product does not do: it reads whose login it is and the administrations' own rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from core.accounts.roles import Role
from core.application import Application
from core.keeping.keeper import Keeper
from core.registrations.checks import check_now
from core.simulator.server import RunningSimulator
from tests.factories import make_operator
from tests.support.connecting import connect

ROOT = Path(__file__).parents[2]
READ = {"token", "me", "divisions", "all_divisions"}
"""Nothing of the books: no entries, no accounts, no relations."""
CLAIMS = re.compile(
    r"reads? the books|read(s|ing)? (the|your) bookkeeping|(lees|leest|lezen) de boekhouding"
    r"|boekhouding[^.]* te lezen|bookkeeping[^.]* is read|none lapses|er geen vervalt"
    r"|Deny nothing happens|Weigeren, dan gebeurt er niets",
    re.IGNORECASE,
)


def texts() -> dict[str, str]:
    """Every text of the screens in both languages, and the prose."""
    path = ROOT / "core/locales/nl/LC_MESSAGES/clickker.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale="nl")
    found = {f"{place} of {message.id!r:.60}": str(text) for message in catalogue if message.id
             for place, text in (("English", message.id), ("Dutch", message.string))}  # fmt: skip
    for name in ("README.md", "SECURITY.md"):
        found[name] = (ROOT / name).read_text(encoding="utf-8").replace("\n", " ")
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_asked_of_exact_is_what_the_customers_page_says(
    app: Application, simulator: RunningSimulator
) -> None:
    alice = make_operator(app.database, "Alice", Role.ADMIN)
    number = connect(app, alice, simulator)
    check_now(app, alice, number)
    Keeper(app).turn()
    assert {call.endpoint for call in simulator.engine.calls()} == READ


def test_no_text_says_that_the_books_are_read_or_that_nothing_can_go_wrong() -> None:
    assert {where: CLAIMS.findall(text) for where, text in texts().items() if CLAIMS.search(text)} == {}
