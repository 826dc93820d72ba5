"""A fragment or a window runs again without the frame: it finds out itself who is there, and in which language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import ROOT

RUNS_ALONE = ("st.fragment", "st.dialog")


def alone() -> Iterator[tuple[Path, ast.FunctionDef]]:
    """Every function that Streamlit runs by itself."""
    for path in sorted([*(ROOT / "dashboard").glob("*.py"), *(ROOT / "pages").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(decorator).startswith(RUNS_ALONE) for decorator in node.decorator_list
            ):
                yield path, node


FOUND = list(alone())


def test_they_are_found() -> None:
    assert len(FOUND) >= 6


@pytest.mark.parametrize(
    ("path", "function"),
    FOUND,
    ids=[f"{path.stem}-{function.name}-{function.lineno}" for path, function in FOUND],
)
def test_it_asks_who_is_there_before_it_says_anything(path: Path, function: ast.FunctionDef) -> None:
    calls = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Call)]
    asks = [call for call in calls if call.startswith("signin.current(")]
    assert asks, f"{path.name}: call signin.current() first in {function.name}()"
    first = "\n".join(ast.unparse(statement) for statement in function.body[:3])
    before = first.split("signin.current(")[0]
    assert "signin.current(" in first
    assert "_(" not in before
