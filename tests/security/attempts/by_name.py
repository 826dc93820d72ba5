"""By names: what customers, colleagues and Exact call themselves, in a real Chromium, in a file and in the log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial

from playwright.sync_api import Dialog, Page
from sqlalchemy import update

from core.accounts.roles import Role
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from core.storage.models import Administration, Grant, Operator, OperatorSession, Registration
from dashboard.navigation import ENTRIES, address
from tests.factories import make_operator
from tests.security.attempts.attempt import add, attempt
from tests.security.attempts.world import MARK, World
from tests.support.chromium import new_page, running_browser, settled
from tests.support.frame import new_session

SCRIPTS = (
    "<script>got(N)</script>",
    "<img src=x onerror=got(N)>",
    "<svg onload=got(N)>",
    '"><script>got(N)</script>',
    "[x](javascript:got(N))",
    "![x](javascript:got(N))",
    "</textarea><script>got(N)</script>",
    "<iframe srcdoc='<script>parent.got(N)</script>'>",
    "<a href=javascript:got(N)>x</a>",
    "$\\href{javascript:got(N)}{x}$",
    "<details open ontoggle=got(N)>",
    "<style>@import 'http://evil.example/N'</style>",
    "<img src=http://evil.example/N>",
    "![x](http://evil.example/N)",
    "{{constructor.constructor('got(N)')()}}",
    "' onmouseover=got(N) x='",
    "<base href=http://evil.example/N>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/N'>",
    ":material/x: :red[<script>got(N)</script>]",
    "<form action=http://evil.example/N><button autofocus>",
)
GOT = "window.ran = []; window.got = n => window.ran.push(n)"
FIELDS = ("registration", "note", "administration", "operator", "browser", "Exact user")


@dataclass
class Seen:
    """What happened in the browser."""

    ran: set[int] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    texts: str = ""

    def of(self, number: int) -> str:
        """What the payload of this number did, or ""."""
        if number in self.ran:
            return "its script ran"
        called = [url for url in self.elsewhere if url.endswith(f"/{number}")]
        return f"the browser asked for {called[0]}" if called else ""


def plant(world: World) -> None:
    """Put each payload where each name goes, below the use cases where these would refuse it."""
    anna = world.person("Anna", Role.ADMIN)
    for number, script in enumerate(SCRIPTS):
        hostile = script.replace("N", str(number))
        form = RegistrationForm(name=f"{MARK} {number}", environment="nl", note=hostile)
        made = register(world.live.app, anna, None, form)
        who = make_operator(world.live.app.database, f"Hostile{number}")
        new_session(world.live.app, who)
        with world.live.app.database.transaction() as session:
            session.execute(
                update(Registration).where(Registration.id == made).values(name=hostile, note=hostile)
            )
            session.execute(update(Operator).where(Operator.id == who.id).values(name=hostile[:100]))
            session.execute(update(OperatorSession).values(browser=SCRIPTS[0].replace("N", "0")))
    with world.live.app.database.transaction() as session:
        session.execute(update(Administration).values(name=SCRIPTS[1].replace("N", "1")))
        session.execute(update(Grant).values(full_name=SCRIPTS[2].replace("N", "2")))


@contextmanager
def watched(page: Page) -> Iterator[Seen]:
    """Watch a page for everything a hostile name could do."""
    seen = Seen()

    def dismiss(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.add_init_script(
        GOT + ";document.addEventListener('securitypolicyviolation', e => window.ran.push(-1))"
    )
    page.on("dialog", dismiss)
    page.on(
        "request", lambda asked: seen.elsewhere.append(asked.url) if "evil.example" in asked.url else None
    )
    page.on(
        "console", lambda said: seen.refused.append(said.text) if "Content Security" in said.text else None
    )
    yield seen


def look(world: World, page: Page, seen: Seen, paths: tuple[str, ...]) -> None:
    """Open every page that shows names."""
    cookie = {"name": "clickker_session", "value": world.cookie("Anna", Role.ADMIN), "url": world.url}
    page.context.add_cookies([{**cookie}])  # type: ignore[typeddict-item]
    for path in paths:
        page.goto(world.url + path)
        page.get_by_role("button", name="Sign out").wait_for()
        settled(page)
        seen.texts += page.inner_text("body")
        seen.ran |= set(page.evaluate("window.ran"))


@cache
def _shown(world_id: int) -> Seen:
    world = _worlds[world_id]
    plant(world)
    one = f"/registration?id={world.registration}"
    hostile = tuple(
        f"/registration?id={world.registration + number}" for number in range(1, len(SCRIPTS) + 1, 6)
    )
    pages = tuple(address(entry.key) for entry in ENTRIES)
    with running_browser() as browser, new_page(browser) as page, watched(page) as seen:
        look(world, page, seen, (*pages, one, *hostile))
    return seen


_worlds: dict[int, World] = {}


def shown(world: World) -> Seen:
    """One walk through all pages with every payload in place, at first use."""
    _worlds[id(world)] = world
    return _shown(id(world))


def _ran(world: World, number: int) -> str:
    seen = shown(world)
    assert "got(" in seen.texts, "the names must be on the screen, or this shows nothing"
    return seen.of(number)


for _number, _script in enumerate(SCRIPTS):
    add(f"a name in a browser: {_script}", partial(_ran, number=_number))


@attempt("names in a browser: a dialog, a script refused by policy, a request elsewhere")
def _(world: World) -> str:
    seen = shown(world)
    return "; ".join([*seen.dialogs, *seen.refused, *seen.elsewhere])


FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "\uff1d1+1",
    '=HYPERLINK("http://evil")',
)


def runs_in_a_spreadsheet(text: str) -> str:
    """Whether a cell of this file begins like a formula."""
    for row in csv.reader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","):
        for cell in row:
            if cell.lstrip(" \t\r\n\ufeff")[:1] in {"=", "+", "@", "\uff1d"} or cell.startswith("-1"):
                return f"a cell says {cell!r}"
    return ""


def _formula(world: World, formula: str) -> str:
    anna = world.person("Anna", Role.ADMIN)
    form = RegistrationForm(name=f"{MARK} f{ord(formula[0])}{len(formula)}", environment="be")
    made = register(world.live.app, anna, None, form)
    with world.live.app.database.transaction() as session:
        session.execute(
            update(Registration).where(Registration.id == made).values(name=formula + " x", note=formula)
        )
    headers = {"Cookie": f"clickker_session={world.cookie('Anna', Role.ADMIN)}"}
    answer = world.get("/export/registrations.csv", headers=headers)
    assert "x" in answer.text
    return runs_in_a_spreadsheet(answer.text)


for _formula_text in FORMULAS:
    add(f"a formula in an export: {_formula_text!r}", partial(_formula, formula=_formula_text))

STEERING = ("\x1b[31m", "\u202e", "\u200b", "\x85")


def _in_the_log(world: World, sign: str) -> str:
    world.said(
        f"GET /_stcore/stream HTTP/1.1\r\nHost: localhost:{world.live.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Origin: http://{sign}evil.example\r\n\r\n".encode()
    )
    raw = world.live.log.read_text(errors="replace")
    return "it stands in the log as it is" if sign in raw else ""


for _sign in STEERING:
    add(f"a sign in the log: {_sign!r}", partial(_in_the_log, sign=_sign))
