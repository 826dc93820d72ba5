"""All mutants of one source file: each is the whole source with one change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tests.mutants.kinds import OPERATORS, named

ROOT = Path(__file__).parent.parent.parent

_SAYING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "_", "N_", "ngettext"})
"""Calls that only say something: a line in the log, a text for the screen."""


@dataclass(frozen=True)
class Mutant:
    """One change to ``file``; its statement reaches from line ``first`` to line ``last``, counted from 1."""

    file: str
    first: int
    last: int
    source: str
    change: str
    """What was and what is, as the lines of a difference."""

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")


def mutants_of(file: str, source: str | None = None) -> list[Mutant]:
    """Every mutant of ``file``, a path from the root of the project, in the order of its lines."""
    if source is None:
        source = (ROOT / file).read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    changes = _Changes(wrapper.resolve(PositionProvider))
    wrapper.module.visit(changes)
    found: dict[str, Mutant] = {}
    for statement, old, new in changes.found:
        changed = wrapper.module.deep_replace(old, new)
        code = changed.code if isinstance(changed, cst.Module) else source
        if code != source and code not in found and _compiles(code):
            found[code] = Mutant(file, statement[0], statement[1], code, _difference(source, code))
    return sorted(found.values(), key=lambda one: one.first)


class _Changes(cst.CSTVisitor):
    """Collects old and new nodes, with the lines of the statement they are in."""

    def __init__(self, positions: object) -> None:
        super().__init__()
        self.found: list[tuple[tuple[int, int], cst.CSTNode, cst.CSTNode]] = []
        self._positions = positions
        self._statements: list[tuple[int, int]] = [(1, 1)]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_left_alone(node):
            return False
        if (lines := self._lines(node)) is not None:
            self._statements.append(lines)
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.found.extend((self._statements[-1], node, new) for new in operator(node))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if not _is_left_alone(original_node) and self._lines(original_node) is not None:
            self._statements.pop()

    def _lines(self, node: cst.CSTNode) -> tuple[int, int] | None:
        """Of a statement: its first and last line; of one with a block, those of its head."""
        if not isinstance(node, cst.BaseStatement):
            return None
        at: CodeRange = self._positions[node]  # type: ignore[index]
        if isinstance(node, cst.SimpleStatementLine):
            return at.start.line, at.end.line
        body: CodeRange = self._positions[node.body]  # type: ignore[index,attr-defined]
        return at.start.line, max(at.start.line, body.start.line - 1)


def _is_left_alone(node: cst.CSTNode) -> bool:
    """Types, imports, docstrings, what is said in logs and on screens, and names given to the world."""
    if isinstance(node, cst.Annotation | cst.Import | cst.ImportFrom | cst.Decorator | cst.TypeAlias):
        return True
    if isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Expr):
        value = node.body[0].value
        return isinstance(value, cst.SimpleString) or (isinstance(value, cst.Call) and _says(value))
    if isinstance(node, cst.If):
        return named(node.test) == "TYPE_CHECKING"
    return isinstance(node, cst.Call) and _says(node)


def _says(call: cst.Call) -> bool:
    return named(call.func) in _SAYING


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _difference(old: str, new: str) -> str:
    return "\n".join(_changed_lines(old, new))


def _changed_lines(old: str, new: str) -> Iterator[str]:
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""):
        if line[:1] in "+-" and not line.startswith(("+++", "---")):
            yield f"{line[0]} {line[1:].strip()}"
