"""Text of others is drawn as text: in every label, title, caption and message, whatever it holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from dashboard.markdown import plain
from tests.support.live import ROOT

DRAWS = frozenset({
    "badge", "button", "caption", "checkbox", "dialog", "error",
    "expander", "form_submit_button", "header", "info", "link_button", "markdown",
    "metric", "page_link", "popover", "progress", "radio", "segmented_control",
    "selectbox", "spinner", "status", "subheader", "success", "tabs",
    "table", "text_area", "text_input", "title", "toast", "toggle",
    "warning", "write", "flash",
})  # fmt: skip
"""What draws Markdown, by its name on whatever container."""
MAKE_TEXT = frozenset({
    "plain", "error_text", "escape", "safe", "link", "figure",
    "len", "moment", "day", "time_of_day",
})  # fmt: skip
"""What comes out of these has no signs of others in it."""
OURS = frozenset({"_", "N_", "ngettext"})
OTHERS = frozenset({
    "name", "names", "full_name", "user_name", "email", "owner_name",
    "customer_name", "registration_name", "created_by_name", "reference", "note", "message",
    "sentence", "status_sentence", "subject", "detail", "details", "actor",
    "actor_name", "actor_email", "administration", "remark", "what", "who",
    "snoozed_by", "said", "text", "excerpt", "title", "problem",
    "reason", "label", "explanation",
})  # fmt: skip
"""What things are called that somebody else may have written."""


HEADINGS = frozenset({"title", "header", "subheader"})


def drawn() -> Iterator[tuple[str, ast.Call, dict[str, list[ast.expr]]]]:
    """Every call that draws: where it stands, itself, and what the variables around it were given."""
    for path in sorted([*(ROOT / "dashboard").glob("*.py"), *(ROOT / "pages").glob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for scope in [tree, *functions]:
            known = given(scope)
            for node in inside(scope):
                if isinstance(node, ast.Call) and called(node.func) in DRAWS and draws(node.func):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, known


def inside(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, without the functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from inside(child)


def given(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What each variable of a function is given, wherever in it."""
    known: dict[str, list[ast.expr]] = {}
    for node in inside(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    known.setdefault(target.id, []).append(node.value)
    return known


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def draws(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) or called(function) == "flash"


def signs_of_others(call: ast.Call, known: dict[str, list[ast.expr]]) -> list[str]:
    """The parts of what is drawn that somebody else may have written and nobody has made text of."""
    found: list[str] = []

    def look(node: ast.AST, deep: int) -> None:
        if isinstance(node, ast.Call) and called(node.func) in MAKE_TEXT | OURS:
            return
        if isinstance(node, ast.Attribute) and node.attr in OTHERS:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Name) and deep:
            for value in known.get(node.id, []):
                look(value, deep - 1)
        else:
            for child in ast.iter_child_nodes(node):
                look(child, deep)

    texts = [keyword.value for keyword in call.keywords if keyword.arg in {"label", "body", "text", "help"}]
    for text in (*call.args[:1], *texts):
        look(text, 4)
    return found


def test_what_draws_is_found() -> None:
    assert len(list(drawn())) > 150


def test_nothing_of_others_is_drawn_without_being_made_text() -> None:
    broken = [f"{where}: {part}" for where, call, known in drawn() for part in signs_of_others(call, known)]
    assert not broken, "put it through dashboard.markdown.plain:\n" + "\n".join(broken)


def test_no_heading_takes_its_id_from_text_of_others() -> None:
    """Of a heading Streamlit makes an id, which a script or a link may look for."""
    broken = [
        where
        for where, call, _known in drawn()
        if called(call.func) in HEADINGS
        and any(isinstance(node, ast.Call) and called(node.func) == "plain" for node in ast.walk(call))
        and not any(keyword.arg == "anchor" for keyword in call.keywords)
    ]
    assert not broken, f"give an anchor of your own: {broken}"


@pytest.mark.parametrize(
    "source",
    [
        "st.markdown(view.name)",
        "st.checkbox(f'**{administration.name}**')",
        "st.caption(_('By {name}').format(name=view.owner_name))",
        "label = _('Sign in with {name}').format(name=sso.name)\nst.button(label)",
        "flash(error.message)",
        "left.expander(label=row.subject)",
    ],
)
def test_the_search_finds(source: str) -> None:
    tree = ast.parse(source)
    [found] = [
        signs_of_others(node, given(tree))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node.func) in DRAWS and draws(node.func)
    ]
    assert found


@pytest.mark.parametrize(
    ("text", "drawn_as"),
    [
        ("https://evil.example", r"https\::small[]//evil\.example"),
        ("www.evil.example", r"www:small[]\.evil\.example"),
        ("jan@evil.example", r"jan@:small[]evil\.example"),
        (":material/check_circle:", r"\::small[]material/check\_circle\:"),
        (":smile:", r"\::small[]smile\:"),
        ("A -> B", r"A \-:small[]\> B"),
        ("A <-> B", r"A \<:small[]\-:small[]\> B"),
        ("A -- B", r"A \-:small[]\- B"),
        ("$a$ :red[b] <i> # *c* `d`", r"\$a\$ \:red\[b\] \<i\> \# \*c\* \`d\`"),
        ("Test  B.V.\n", r"Test B\.V\."),
    ],
)
def test_nothing_in_it_has_a_meaning(text: str, drawn_as: str) -> None:
    assert plain(text) == drawn_as
