"""The kinds of change that ``make mutants`` makes, and what it leaves alone."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.mutants.making import mutants_of
from tests.mutants.table import PARTS


def changes(source: str) -> set[str]:
    """What stands in place of a changed line."""
    made = mutants_of("core/example.py", dedent(source))
    return {one.change.split("+ ", 1)[1] if "+ " in one.change else "" for one in made}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("HOURS = 8\n", {"HOURS = 9"}),
        ("def f():\n    lock(row)\n", {"pass"}),
        ("def f(row):\n    row.last_success_at = now\n", {"pass", "row.last_failure_at = now"}),
        ("def f():\n    if a:\n        return\n    g = 1\n", {"if (not (a)):", "pass", "g = 2"}),
        ("x = a >= b\n", {"x = a > b"}),
        ("x = not a\n", {"x = a"}),
        ("x = a and b\n", {"x = a or b", "x = a", "x = b"}),
        (
            "q = select(A).where(A.a == b, A.c)\n",
            {
                "q = select(A)",
                "q = select(A).where(A.c)",
                "q = select(A).where(A.a == b, )",
                "q = select(A).where(A.a != b, A.c)",
            },
        ),
        ("q = select(A).with_for_update()\n", {"q = select(A)"}),
        ("q = q.order_by(A.b.desc())\n", {"q = q", "q = q.order_by(A.b.asc())"}),
        ("x = call(a, keep=b)\n", {"x = call(a, )"}),
        ("x = kind == 'dead'\n", {"x = kind != 'dead'", "x = kind == 'XXdead'"}),
    ],
)
def test_each_kind_of_change_is_made(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Only words."""\n',
        "import a\nfrom b import c\n",
        "class A:\n    b: Mapped[list[3]]\n",
        "def f(a: Literal[3]) -> Tuple[4]: ...\n",
        "@cache(size=3)\ndef f(): ...\n",
        "def f():\n    log.warning('%d', 3)\n",
        "t = N_('text')\n",
        "if TYPE_CHECKING:\n    a = 1\n",
    ],
)
def test_types_texts_and_lines_of_the_log_are_left_alone(source: str) -> None:
    assert changes(source) == set()


def test_a_mutant_knows_the_lines_of_its_statement() -> None:
    source = "a = [\n    1,\n]\nif (\n    b\n    and c\n):\n    d()\n"
    assert [(one.first, one.last, one.module) for one in mutants_of("core/x.py", source)] == [
        (1, 3, "core.x"),
        *[(4, 7, "core.x")] * 4,
        (8, 8, "core.x"),
    ]


def test_the_table_names_files_that_are_there() -> None:
    for part in PARTS:
        assert set(part.postgresql) <= set(part.files())
        assert part.test_files()
