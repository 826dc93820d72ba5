"""The house keeps its rooms apart: which part may use which, and which library lives where.

Every rule is a sentence; when one is broken, the message repeats it with the file and line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("core", "dashboard", "pages")

LIBRARIES: dict[str, tuple[str, ...]] = {
    "streamlit": ("dashboard/*", "pages/*"),
    "streamlit_authenticator": ("dashboard/authenticator.py",),
    "pandas": ("dashboard/tables.py",),
    "sqlalchemy": ("core/*",),
    "alembic": ("core/storage/*",),
    "httpx": ("core/exact/*", "core/accounts/provider_metadata.py"),
    "authlib": ("core/exact/*",),
    "starlette": (
        *(f"dashboard/{name}.py" for name in ("asgi", "routes*", "middleware")),
        # What routes and middleware are made of: requests, forms, plain pages, files.
        *(
            f"dashboard/{name}.py"
            for name in ("assets", "cookies", "doors", "forms", "frame_page", "messages")
        ),
        *(f"dashboard/{name}.py" for name in ("origin", "plain", "provider_door", "proxies", "visitor")),
        "core/simulator/web.py",
        "core/simulator/delivery.py",
    ),
    "uvicorn": ("core/simulator/server.py", "dashboard/server.py"),
    "apprise": ("core/alarms/sending.py",),
    "typer": ("dashboard/cli*.py", "dashboard/commands.py", "dashboard/demo.py"),
    "bcrypt": ("core/accounts/passwords.py",),
    "cryptography": ("core/tokens/vault.py",),
    "filelock": ("core/*",),
    "pyotp": ("core/accounts/one_time_codes.py",),
    "segno": ("dashboard/second_factor_panel.py",),
    "xlsxwriter": ("dashboard/routes_export.py", "dashboard/export.py"),
}
"""Library to the only files that may import it."""

NOT_IN: dict[str, tuple[str, ...]] = {"sqlalchemy": ("core/exact/*", "core/simulator/*")}

GROUND = frozenset({"settings", "clock", "errors", "i18n", "logs", "redaction", "text"})
"""Modules of core that everybody may stand on."""
INSIDE_CORE: dict[str, frozenset[str]] = {
    "storage": GROUND,
    "exact": GROUND,
    "simulator": GROUND,
    "tokens": GROUND | {"application", "alarms", "exact", "storage"},
    "audit": GROUND | {"application", "accounts", "exact", "registrations", "storage"},
    "accounts": GROUND | {"application", "tokens", "exact", "audit", "storage"},
    "registrations": GROUND | {"application", "accounts", "alarms", "tokens", "exact", "audit", "storage"},
    "alarms": GROUND | {"application", "accounts", "audit", "registrations", "exact", "storage"},
    "keeping": GROUND
    | {
        "accounts",
        "application",
        "audit",
        "starting",
        "registrations",
        "alarms",
        "tokens",
        "exact",
        "storage",
    },
}
"""Part of core to the parts and modules of core that it may use."""

PAGE_LINES = 80
FILE_LINES = 300


@dataclass(frozen=True)
class Import:
    """One import, anywhere in a file: inside functions counts too."""

    file: str
    line: int
    module: str

    def breaks(self, rule: str) -> str:
        return f"{self.file}:{self.line} imports {self.module}, but {rule}"


def _files(*parts: str) -> Iterator[Path]:
    for part in parts:
        yield from sorted((ROOT / part).rglob("*.py"))


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(source: str, file: str) -> Iterator[Import]:
    """Every module that a source imports; ``from core import clock`` counts as core.clock."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in {"core", "dashboard"}
            for alias in node.names if whole else node.names[:1]:
                yield Import(file, node.lineno, f"{node.module}.{alias.name}" if whole else node.module)


def _imports(*parts: str) -> Iterator[Import]:
    for path in _files(*parts):
        yield from imports_of(path.read_text(encoding="utf-8"), _named(path))


def broken_arrows(found: Import) -> str:
    """pages -> dashboard -> core."""
    part, target = found.file.split("/")[0], found.module.split(".")[0]
    if part == "core" and target in {"dashboard", "pages"}:
        return found.breaks("core knows neither dashboard nor pages (pages -> dashboard -> core)")
    if target == "pages":
        return found.breaks("nothing imports a page: pages are scripts")
    if target == "tests":
        return found.breaks("the product does not know its tests")
    return ""


def broken_room(found: Import) -> str:
    """A library outside the files that it lives in."""
    library = found.module.split(".")[0]
    if library in LIBRARIES and not any(fnmatch(found.file, place) for place in LIBRARIES[library]):
        return found.breaks(f"{library} lives only in {', '.join(LIBRARIES[library])}")
    if any(fnmatch(found.file, place) for place in NOT_IN.get(library, ())):
        return found.breaks(f"{library} does not live in {', '.join(NOT_IN[library])}")
    return ""


def broken_inside_core(found: Import) -> str:
    """A part of core that uses another part than it may."""
    parts, target = found.file.split("/"), found.module.split(".")
    if parts[0] != "core" or target[0] != "core" or len(target) < 2:
        return ""
    if target[1] == "simulator" and parts[1] != "simulator":
        return found.breaks("nothing in core uses the simulator; dashboard/demo.py plugs it in")
    allowed = INSIDE_CORE.get(parts[1])
    if allowed is None or target[1] == parts[1] or target[1] in allowed:
        return ""
    return found.breaks(f"core/{parts[1]} may use only {', '.join(sorted(allowed))} of core")


def broken_page(found: Import) -> str:
    """SQL, HTTP or business rules in a page."""
    forbidden = ("core.storage", "core.tokens", "core.exact.client", "core.exact.oauth", "core.simulator")
    if found.file.startswith("pages/") and found.module.startswith((*forbidden, "sqlite3", "urllib.request")):
        return found.breaks("a page calls use cases; it holds no SQL, HTTP or business rules")
    return ""


@pytest.mark.parametrize("rule", [broken_arrows, broken_room, broken_inside_core, broken_page])
def test_every_import_keeps_to_the_rules(rule: object) -> None:
    assert callable(rule)
    broken = [sentence for found in _imports(*PARTS) if (sentence := rule(found))]
    assert not broken, "\n" + "\n".join(broken)


def test_pages_are_short_scripts() -> None:
    long = {_named(path): lines for path in _files("pages") if (lines := _lines(path)) > PAGE_LINES}
    assert long == {}, f"a page has at most {PAGE_LINES} lines: move parts to dashboard/"


def test_files_fit_on_a_few_screens() -> None:
    # A migration is a record of what was done, however long.
    files = [path for path in _files(*PARTS) if "migrations" not in path.parts]
    long = {_named(path): lines for path in files if (lines := _lines(path)) > FILE_LINES}
    # The tables are one list.
    assert long == {}, f"a file has at most {FILE_LINES} lines: give its parts names and files of their own"


def test_pages_catch_no_errors_blindly() -> None:
    blind = [
        f"{_named(path)}:{node.lineno}"
        for path in _files("pages")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]
    assert blind == [], "a page lets unforeseen errors through; dashboard/feedback.py shows the foreseen ones"


def test_time_comes_from_the_clock_alone() -> None:
    elsewhere = [
        f"{_named(path)}:{node.lineno}"
        for path in _files(*PARTS)
        if _named(path) != "core/clock.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in {"datetime.now", "datetime.utcnow", "date.today", "time.time", "datetime.today"}
    ]
    assert elsewhere == [], "time comes from core.clock.now() alone"


def test_transactions_alone_commit() -> None:
    elsewhere = [
        f"{_named(path)}:{node.lineno}"
        for path in _files(*PARTS)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert elsewhere == [], "transaction() of core/storage/database.py commits, nothing else does"


def test_pages_stand_beside_the_dashboard_and_not_in_it() -> None:
    # Streamlit would serve dashboard/pages/*.py to the signed-out, past the frame.
    assert not (ROOT / "dashboard" / "pages").exists()
    assert not (ROOT / "pages" / "__init__.py").exists()


@pytest.mark.parametrize(
    ("file", "source", "rule"),
    [
        ("core/clock.py", "from dashboard import frame", "core knows neither dashboard nor pages"),
        ("core/clock.py", "def now():\n    import streamlit", "streamlit lives only in dashboard/*, pages/*"),
        ("core/exact/client.py", "from sqlalchemy import select", "sqlalchemy does not live in core/exact/*"),
        ("core/exact/client.py", "from core.storage import models", "core/exact may use only"),
        ("core/tokens/vault.py", "from core.accounts.roles import Role", "core/tokens may use only"),
        ("core/tokens/vault.py", "from core import doctor", "core/tokens may use only"),
        (
            "core/registrations/a.py",
            "from core.simulator.engine import Engine",
            "nothing in core uses the simulator",
        ),
        ("pages/register.py", "from core.storage.models import Grant", "a page calls use cases"),
        (
            "pages/register.py",
            "import httpx",
            "httpx lives only in core/exact/*, core/accounts/provider_metadata.py",
        ),
        (
            "dashboard/frame.py",
            "from tests.factories import make_grant",
            "the product does not know its tests",
        ),
    ],
)
def test_a_broken_rule_is_named(file: str, source: str, rule: str) -> None:
    rules = (broken_arrows, broken_room, broken_inside_core, broken_page)
    said = [sentence for found in imports_of(source, file) for check in rules if (sentence := check(found))]
    assert len(said) == 1
    assert rule in said[0]
    assert said[0].startswith(f"{file}:")


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
