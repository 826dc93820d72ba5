"""Exact counts every call: none is made in the product without a budget that it is taken from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
METERED = {"me": 3, "divisions": 4, "user_divisions": 4, "probe": 4}
"""Method of the client to the arguments that a call with its meter has."""


def calls() -> Iterator[tuple[str, str, int]]:
    """Where, which, and with how many arguments the client is called."""
    for part in ("core", "dashboard", "pages"):
        for path in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    owner = node.func.value
                    if (
                        isinstance(owner, ast.Attribute)
                        and owner.attr == "exact"
                        and node.func.attr in METERED
                    ):
                        count = len(node.args) + sum(word.arg == "meter" for word in node.keywords)
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.attr, count


def test_every_call_has_its_meter() -> None:
    found = list(calls())
    assert {name for _where, name, _count in found} == set(METERED)
    assert [where for where, name, count in found if count < METERED[name]] == []
