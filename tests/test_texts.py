"""Every text that a person reads is marked for translation, and has its Dutch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "core" / "locales" / "nl" / "LC_MESSAGES" / "clickker.po"
SHOWN = ("dashboard", "pages")
NOT_SHOWN = frozenset({"dashboard/cli.py"})
"""The command line's help is for whoever installs the product; what it says when run is marked."""

TEXT_CALLS = frozenset(
    """title header subheader markdown write text caption success info warning error toast badge metric button
    form_submit_button link_button page_link download_button checkbox toggle text_input text_area number_input
    selectbox multiselect radio segmented_control pills date_input file_uploader expander popover dialog status
    spinner tabs column_config Column TextColumn NumberColumn LinkColumn DatetimeColumn CheckboxColumn
    SelectboxColumn""".split()  # noqa: SIM905 - a list of forty strings reads worse
)
"""Of Streamlit, those whose first argument is shown."""
TEXT_ARGUMENTS = frozenset(
    {"label", "help", "placeholder", "title", "caption", "body", "text", "alt", "on_label"}
)
NAMES = re.compile(r"\{[^{}]*\}")
WORDS = re.compile(r"[^\W\d_]{2,}")
"""Two letters in a row: less than that is a mark, a number or an icon."""
ICON = re.compile(r":[a-z_]+(/[a-z_0-9]+)?:|:(red|green|orange|blue|gray|grey|violet|small)\[")
BRANDS = frozenset({"Clickker Connections", "Clickker", "Exact Online", "CSV", "Excel"})


def unmarked_texts(source: str, file: str) -> list[str]:
    """Literal words handed to Streamlit as they are, as ``file:line: text``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found += [f"{file}:{part.lineno}: {text}" for part, text in _shown_literals(node)]
    return found


def _shown_literals(call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    assert isinstance(call.func, ast.Attribute)
    of_streamlit = call.func.attr in TEXT_CALLS and ast.unparse(call.func).startswith("st.")
    shown = call.args[:1] if of_streamlit else []
    if ast.unparse(call.func).startswith("st."):
        shown = shown + [word.value for word in call.keywords if word.arg in TEXT_ARGUMENTS]
    for argument in shown:
        for text in _literals(argument):
            if _has_words(text):
                yield argument, text


def _literals(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.JoinedStr):
        yield from (
            part.value
            for part in argument.values
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
    elif isinstance(argument, ast.BinOp):
        yield from _literals(argument.left)
        yield from _literals(argument.right)
    elif isinstance(argument, ast.IfExp):
        yield from _literals(argument.body)
        yield from _literals(argument.orelse)
    elif isinstance(argument, ast.List | ast.Tuple):
        for element in argument.elts:
            yield from _literals(element)


def _has_words(text: str) -> bool:
    if text.strip(" ·") in BRANDS or "</" in text or text.endswith(".py"):
        return False
    return WORDS.search(ICON.sub("", text)) is not None


def untagged_texts(template: str, file: str) -> list[str]:
    """Words in a template that stand outside every ``_()`` and ``{% trans %}``."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(template)  # noqa: S701 - nothing is rendered
    plain = "".join(
        part.data
        for node in tree.find_all(nodes.Output)
        for part in node.nodes
        if isinstance(part, nodes.TemplateData)
    )
    plain = re.sub(r"<(style|script)\b.*?</\1>|<!--.*?-->", " ", plain, flags=re.DOTALL)
    shown = re.findall(r'\b(?:title|alt|placeholder|aria-label)="([^"]*)"', plain)
    shown += re.sub(r"<[^>]*>", "\n", plain).split("\n")
    return [f"{file}: {text.strip()}" for text in shown if _has_words(text)]


@cache
def texts_of_the_product() -> dict[str | tuple[str, str], str]:
    """Every marked text, as Babel finds it, with one place where it stands."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    found: dict[str | tuple[str, str], str] = {}
    for part in ("core", "dashboard", "pages"):
        for file, line, message, _comments, _context in extract_from_dir(ROOT / part, methods, options):
            text = message if isinstance(message, str) else (message[0], message[1])
            found.setdefault(text, f"{part}/{file}:{line}")
    return found


@cache
def dutch() -> dict[str | tuple[str, str], Message]:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="nl")
    return {(m.id if isinstance(m.id, str) else (m.id[0], m.id[1])): m for m in catalogue if m.id}


def test_every_text_on_a_screen_is_marked() -> None:
    unmarked = [
        text
        for part in SHOWN
        for path in sorted((ROOT / part).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in NOT_SHOWN
        for text in unmarked_texts(path.read_text(encoding="utf-8"), name)
    ]
    assert not unmarked, "write _(…) around:\n" + "\n".join(unmarked)


def test_every_text_in_a_template_is_marked() -> None:
    untagged = [
        text
        for path in sorted((ROOT / "dashboard" / "templates").rglob("*.html"))
        for text in untagged_texts(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert not untagged, "write {{ _(…) }} around:\n" + "\n".join(untagged)


def test_every_text_has_its_dutch() -> None:
    missing = [
        f"{place}: {text}"
        for text, place in texts_of_the_product().items()
        if text not in dutch() or dutch()[text].fuzzy or not all(_strings(dutch()[text]))
    ]
    assert not missing, f"{len(missing)} without Dutch (make messages, then translate):\n" + "\n".join(
        missing
    )


def test_the_dutch_keeps_the_names_in_braces() -> None:
    torn = [
        f"{original!r} -> {translation!r}"
        for text, message in dutch().items()
        for original, translation in _pairs(text, message)
        if translation and set(NAMES.findall(original)) != set(NAMES.findall(translation))
    ]
    assert not torn, "other names in braces than the English:\n" + "\n".join(torn)


def test_there_is_no_dutch_for_a_text_that_is_gone() -> None:
    gone = [str(text) for text in dutch() if text not in texts_of_the_product()]
    assert not gone, "take out (make messages does it):\n" + "\n".join(gone)


def test_no_text_is_put_together_inside_the_mark() -> None:
    """An f-string inside _() is a text that no translation is ever found for."""
    built = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        for part in ("core", *SHOWN)
        for path in sorted((ROOT / part).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"_", "N_", "ngettext", "i18n._"}
        and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
    ]
    assert not built, "write _(…).format(…) at:\n" + "\n".join(built)


def test_no_mark_is_put_inside_an_f_string() -> None:
    """Babel on Python 3.11 reads an f-string as one piece and does not see the text: it would stay English."""
    hidden = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        for part in ("core", *SHOWN)
        for path in sorted((ROOT / part).rglob("*.py"))
        for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(outer, ast.JoinedStr)
        for node in ast.walk(outer)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"_", "N_", "ngettext"}
        and any(isinstance(argument, ast.Constant) for argument in node.args)
    ]
    assert not hidden, "give _(…) a name before the f-string at:\n" + "\n".join(hidden)


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ('st.title("Overview")', True),
        ('st.title(_("Overview"))', False),
        ('st.text_input(_("Name"), help="As on the invoice")', True),
        ('st.button(f"Connect {name}")', True),
        ('st.markdown(f":material/check: {name}")', False),
        ('st.error("Failed: " + reason)', True),
        ('st.tabs(["Facts", _("Timeline")])', True),
        ('log.error("not shown to anybody")', False),
        ('st.text_input(_("Name"), key="register_name")', False),
    ],
)
def test_an_unmarked_text_in_a_page_is_caught(source: str, caught: bool) -> None:
    assert bool(unmarked_texts(source, "pages/x.py")) is caught


@pytest.mark.parametrize(
    ("template", "caught"),
    [
        ("<p>Thank you</p>", True),
        ('<p>{{ _("Thank you") }}</p>', False),
        ("<p>{% trans %}Thank you{% endtrans %}</p>", False),
        ('<img alt="A customer">', True),
        ("<style>p { color: red }</style>", False),
    ],
)
def test_an_unmarked_text_in_a_template_is_caught(template: str, caught: bool) -> None:
    assert bool(untagged_texts(template, "x.html")) is caught


def _pairs(text: str | tuple[str, str], message: Message) -> Iterator[tuple[str, str]]:
    originals = (text,) if isinstance(text, str) else text
    for number, translation in enumerate(_strings(message)):
        yield originals[min(number, len(originals) - 1)], translation


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
