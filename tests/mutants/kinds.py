"""The kinds of change that are tried: mutmut's own operators, and some for what goes wrong here.

An operator is what mutmut's list holds: a type of node, and a function that gives the nodes to put in its place. Left
out of mutmut's own, and why:

- ``operator_string``: most strings are texts, names of columns or of events. Those that are compared or looked up by
  are changed by :func:`compared_string`.
- ``operator_arg_removal``: a call that lacks an argument fails at once. Named arguments and the conditions of a query
  are dropped by :func:`dropped_argument`.
- ``operator_assignment`` (``a = None``): fails at the next use. :func:`dropped_statement` leaves out what is written to
  a row instead.
- ``operator_dict_arguments`` and the two that swap methods of strings: not used here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst
from mutmut.mutation import mutators

Operator = tuple[type[cst.CSTNode], Callable[[Any], Iterable[cst.CSTNode]]]

_LEFT_OUT = {
    mutators.operator_string,
    mutators.operator_arg_removal,
    mutators.operator_assignment,
    mutators.operator_dict_arguments,
    mutators.operator_symmetric_string_methods_swap,
    mutators.operator_unsymmetrical_string_methods_swap,
}

CONDITIONS = frozenset({"where", "filter", "having", "and_", "or_", "order_by", "all", "any", "min", "max"})
"""Calls whose arguments are conditions, or an order: each is dropped in turn."""
CLAUSES = frozenset(
    {"where", "having", "order_by", "with_for_update", "limit", "distinct", "join", "outerjoin"}
)
"""Methods of a query: each is left out in turn."""

_PAIRS = (
    ("last_success_at", "last_failure_at"),
    ("first_seen_at", "last_seen_at"),
    ("used_at", "revoked_at"),
    ("created_at", "expires_at"),
    ("opened_at", "closed_at"),
    ("next_check_at", "last_checked_at"),
    ("keep_alive_at", "next_try_at"),
    ("confirmed_at", "ended_at"),
    ("last_active_at", "expires_at"),
    ("access_expires_at", "rotated_at"),
    ("linked_at", "found_at"),
    ("submitted_at", "completed_at"),
    ("is_", "is_not"),
    ("in_", "not_in"),
    ("asc", "desc"),
    ("min", "max"),
    ("any", "all"),
    ("hours", "minutes"),
    ("days", "hours"),
)
_TAKEN_FOR = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
"""A name to the one that it could be mistaken for."""


def named(call: cst.BaseExpression) -> str:
    """The last word of what is called: ``where`` of ``select(a).where``."""
    if isinstance(call, cst.Attribute):
        return call.attr.value
    return call.value if isinstance(call, cst.Name) else ""


def dropped_statement(node: cst.SimpleStatementLine) -> Iterable[cst.CSTNode]:
    """A call whose result nobody reads, a write to a row, a return, a raise: left out."""
    only = node.body[0]
    if _is_done(only):
        yield node.with_changes(body=[cst.Pass()])


def _is_done(statement: cst.BaseSmallStatement) -> bool:
    if isinstance(statement, cst.Expr):
        return not isinstance(statement.value, cst.SimpleString | cst.ConcatenatedString | cst.Ellipsis)
    if isinstance(statement, cst.Assign):
        return any(isinstance(one.target, cst.Attribute | cst.Subscript) for one in statement.targets)
    return isinstance(statement, cst.AugAssign | cst.Return | cst.Raise | cst.Continue)


def negated(node: cst.If | cst.While | cst.CompIf) -> Iterable[cst.CSTNode]:
    """A condition turned round."""
    opposite = cst.UnaryOperation(
        cst.Not(), _in_brackets(node.test), lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
    )
    yield node.with_changes(
        test=node.test.expression
        if isinstance(node.test, cst.UnaryOperation) and isinstance(node.test.operator, cst.Not)
        else opposite
    )


def one_side(node: cst.BooleanOperation | cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    """One of two conditions dropped, of ``and``, ``or`` and of SQL's ``&`` and ``|``."""
    joined = isinstance(node, cst.BooleanOperation) or isinstance(node.operator, cst.BitAnd | cst.BitOr)
    for side in (node.left, node.right) if joined else ():
        yield side.with_changes(lpar=[*node.lpar, *side.lpar], rpar=[*side.rpar, *node.rpar])


def dropped_argument(node: cst.Call) -> Iterable[cst.CSTNode]:
    """A named argument, so that its default counts; a condition among others."""
    for at, argument in enumerate(node.args):
        named_one = argument.keyword is not None
        if named_one or (named(node.func) in CONDITIONS and len(node.args) > 1 and not argument.star):
            yield node.with_changes(args=[*node.args[:at], *node.args[at + 1 :]])


def dropped_clause(node: cst.Call) -> Iterable[cst.CSTNode]:
    """``query.where(a)`` becomes ``query``: a condition, an order, a lock, a limit less."""
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in CLAUSES:
        inner = node.func.value
        yield inner.with_changes(lpar=[*node.lpar, *inner.lpar], rpar=[*inner.rpar, *node.rpar])


def taken_for(node: cst.Attribute | cst.Arg) -> Iterable[cst.CSTNode]:
    """One of two names that are alike, for the other."""
    field = "attr" if isinstance(node, cst.Attribute) else "keyword"
    name = getattr(node, field)
    if name is not None and name.value in _TAKEN_FOR:
        yield node.with_changes(**{field: cst.Name(_TAKEN_FOR[name.value])})


def taken_for_function(node: cst.Call) -> Iterable[cst.CSTNode]:
    """``min`` for ``max``, ``any`` for ``all``."""
    if isinstance(node.func, cst.Name) and node.func.value in {"min", "max", "any", "all"}:
        yield node.with_changes(func=cst.Name(_TAKEN_FOR[node.func.value]))


def compared_string(node: cst.Comparison | cst.Subscript) -> Iterable[cst.CSTNode]:
    """A string that is compared with, or looked up by."""
    for child in node.children if isinstance(node, cst.Comparison) else [*node.slice[0].children]:
        for held in (child, *child.children):
            if isinstance(held, cst.SimpleString):
                quote = held.quote
                yield node.with_deep_changes(held, value=f"{held.prefix}{quote}XX{held.raw_value}{quote}")


def _in_brackets(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.with_changes(lpar=[cst.LeftParen(), *node.lpar], rpar=[*node.rpar, cst.RightParen()])


OPERATORS: tuple[Operator, ...] = (
    *(one for one in mutators.mutation_operators if one[1] not in _LEFT_OUT),
    (cst.SimpleStatementLine, dropped_statement),
    (cst.If, negated),
    (cst.While, negated),
    (cst.CompIf, negated),
    (cst.BooleanOperation, one_side),
    (cst.BinaryOperation, one_side),
    (cst.Call, dropped_argument),
    (cst.Call, dropped_clause),
    (cst.Call, taken_for_function),
    (cst.Attribute, taken_for),
    (cst.Arg, taken_for),
    (cst.Comparison, compared_string),
    (cst.Subscript, compared_string),
)
