"""By the routes: answers of Exact that are not ours, ways off this host, odd hosts, paths, methods, sizes, framing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx

from core.accounts.operators import disable, enable
from core.accounts.roles import Role
from core.accounts.sessions import start_ticket
from core.registrations.consent import begin_consent, create_consent
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from tests.security.attempts.attempt import add, attempt
from tests.security.attempts.world import BROWSER, MARK, World, ask

USER = "test@testbv.example"
_made = iter(range(10_000))

# --- Answers of Exact -------------------------------------------------------------------------------------


def begun(world: World) -> tuple[str, str, str]:
    """Alice is at Exact: the state, a code, and her Cookie header."""
    alice = world.person("Alice")
    form = RegistrationForm(name=f"Poging {next(_made)} B.V.", environment="nl")
    number = register(world.live.app, alice, None, form)
    began = begin_consent(world.live.app, alice, create_consent(world.live.app, alice, number))
    [state] = parse_qs(urlsplit(began.authorize_url).query)["state"]
    cookie = f"clickker_browser={began.browser_token}; clickker_session={world.cookie('Alice')}"
    return state, world.live.simulator.engine.grant_code("nl", USER), cookie


def come_back(world: World, query: list[tuple[str, str]], cookie: str) -> str:
    """What the callback did with this: how many token calls it made and consents it kept."""
    calls = len(world.live.simulator.engine.calls("token"))
    grants = world.grants()
    answer = world.get("/exact/callback", params=query, headers={"Cookie": cookie}, direct=True)
    made = len(world.live.simulator.engine.calls("token")) - calls, world.grants() - grants
    odd = answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    return f"{answer.status_code}, token calls and consents: {made}" if any(made) or odd else ""


@attempt("state replayed")
def _(world: World) -> str:
    state, code, cookie = begun(world)
    query = [("code", code), ("state", state)]
    assert come_back(world, query, cookie), "the first time it must work, or this shows nothing"
    return come_back(world, query, cookie)


@attempt("state replayed with a fresh code")
def _(world: World) -> str:
    state, code, cookie = begun(world)
    come_back(world, [("code", code), ("state", state)], cookie)
    fresh = world.live.simulator.engine.grant_code("nl", USER)
    return come_back(world, [("code", fresh), ("state", state)], cookie)


@attempt("callback in another browser of the same operator")
def _(world: World) -> str:
    state, code, _cookie = begun(world)
    other = f"clickker_browser={'z' * 43}; clickker_session={world.cookie('Alice')}"
    return come_back(world, [("code", code), ("state", state)], other)


@attempt("callback in no known browser")
def _(world: World) -> str:
    state, code, _cookie = begun(world)
    return come_back(world, [("code", code), ("state", state)], "")


@attempt("callback in the same browser, signed in as another")
def _(world: World) -> str:
    state, code, cookie = begun(world)
    other = f"{cookie.split(';')[0]}; clickker_session={world.cookie('Mallory')}"
    return come_back(world, [("code", code), ("state", state)], other)


@attempt("callback of an operator disabled since, in the same browser")
def _(world: World) -> str:
    anna, alice = world.person("Anna", Role.ADMIN), world.person("Alice")
    state, code, cookie = begun(world)
    disable(world.live.app, anna, alice.id)
    try:
        return come_back(world, [("code", code), ("state", state)], cookie.split(";")[0])
    finally:
        enable(world.live.app, anna, alice.id)


ODD_ANSWERS: dict[str, Callable[[str, str], list[tuple[str, str]]]] = {
    "a state made up": lambda _s, c: [("code", c), ("state", "x" * 43)],
    "no state": lambda _s, c: [("code", c)],
    "an empty state": lambda _s, c: [("code", c), ("state", "")],
    "two states": lambda s, c: [("code", c), ("state", s), ("state", s)],
    "two codes": lambda s, c: [("code", c), ("code", "other"), ("state", s)],
    "a code and an error": lambda s, c: [("code", c), ("error", "x"), ("error", "y"), ("state", s)],
    "no code": lambda s, _c: [("state", s)],
    "an endless code": lambda s, _c: [("code", "x" * 40_000), ("state", s)],
    "a state with NUL": lambda s, c: [("code", c), ("state", s + "\x00")],
    "a wildcard for a state": lambda _s, c: [("code", c), ("state", "%")],
    "state as a list": lambda s, c: [("code", c), ("state[]", s)],
    "state in capitals": lambda s, c: [("code", c), ("STATE", s)],
}


def _odd_answer(world: World, make: Callable[[str, str], list[tuple[str, str]]]) -> str:
    state, code, cookie = begun(world)
    return come_back(world, make(state, code), cookie)


for _title, _answer in ODD_ANSWERS.items():
    add(f"callback with {_title}", partial(_odd_answer, make=_answer))

# --- Ways off this host -----------------------------------------------------------------------------------

ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,hello",
    " https://evil.example",
    "/%2f%2fevil.example\r\nLocation: //evil.example",
    "/\u2028//evil.example",
    "http://localhost:1@evil.example/",
)


def leads_away(world: World, answer: httpx.Response) -> str:
    """Whether an answer sends a browser elsewhere."""
    to = answer.headers.get("location", "")
    host = urlsplit(to.replace("\\", "/")).netloc
    ours = {urlsplit(world.url).netloc, urlsplit(world.behind).netloc}
    away = (host and host not in ours) or to.strip()[:5].lower() in {"javas", "data:"}
    return f"led to {to}" if away or "evil" in urlsplit(to).netloc else ""


def _redirected(world: World, target: str) -> str:
    ticket = start_ticket(world.live.app, world.person("Alice").id, BROWSER, target)
    headers = {"Cookie": f"clickker_browser={BROWSER}"}
    by_ticket = world.get("/session/start", params={"ticket": ticket, "target": target}, headers=headers)
    return leads_away(world, by_ticket)


for _target in ELSEWHERE:
    add(f"led off this host by a ticket to {_target!r}", partial(_redirected, target=_target))


@attempt("led off this host by names of parameters")
def _(world: World) -> str:
    names = ("next", "target", "return", "returnTo", "redirect", "redirect_uri", "url", "continue", "dest")
    for path in (
        "/session/start",
        "/session/end",
        "/exact/connect",
        "/exact/callback",
        "/",
        "/registrations",
    ):
        query = dict.fromkeys(names, "https://evil.example/")
        answer = world.get(path, params=query, headers={"sec-fetch-site": "same-origin"})
        if got := leads_away(world, answer):
            return got
    return ""


# --- Hosts ------------------------------------------------------------------------------------------------


def _asked(world: World, line: str, *headers: str, body: str = "") -> bytes:
    return world.said(("\r\n".join([line, *headers, "", body])).encode("latin-1", "replace"))


def _host(world: World, line: str, headers: tuple[str, ...]) -> str:
    port = world.live.port
    cookie = f"Cookie: clickker_session={world.cookie('Alice')}"
    told = _asked(world, line, *(h.replace("PORT", str(port)) for h in headers), cookie, "Connection: close")
    head = told.partition(b"\r\n\r\n")[0]
    good = b" 200 " in told[:20] or b" 303 " in told[:20]
    return f"answered {head[:60]!r}" if b"evil" in told or (good and "evil" in line + headers[0]) else ""


HOSTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("GET /registrations/ HTTP/1.1", ("Host: evil.example",)),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost.evil.example:PORT",)),
    ("GET /registrations/ HTTP/1.1", ("Host: evil.example@localhost:PORT",)),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:PORT@evil.example",)),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:PORT", "X-Forwarded-Host: evil.example")),
    (
        "GET /registrations/ HTTP/1.1",
        ("Host: localhost:PORT", "X-Host: evil.example", "X-Original-URL: /evil"),
    ),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:PORT", "Forwarded: host=evil.example;proto=https")),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:PORT", "Host: evil.example")),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:PORT evil.example",)),
    ("GET http://evil.example/registrations/ HTTP/1.1", ("Host: evil.example",)),
    ("GET /registrations/ HTTP/1.0", ("X-None: evil",)),
    ("GET /registrations/ HTTP/1.1", ("Host: localhost:evil",)),
)
for _line, _headers in HOSTS:
    add(f"host: {_line} with {', '.join(_headers)}", partial(_host, line=_line, headers=_headers))

# --- Paths ------------------------------------------------------------------------------------------------

INSIDE = (
    b"# TYPE",
    b"# HELP",
    b"openapi",
    b"import streamlit",
    b"root:",
    b"client_secret",
    b"[server]",
    b"jsonrpc",
)
PATHS = (
    "/_stcore/metrics",
    "//_stcore/metrics",
    "/_stcore//metrics",
    "/./_stcore/metrics",
    "/x/../_stcore/metrics",
    "/%5Fstcore/metrics",
    "/_stcore%2Fmetrics",
    "/_stcore%252Fmetrics",
    "/_STCORE/METRICS",
    "/_stcore/metrics/",
    "/_stcore/metrics?families=session_events",
    "/_stcore/metrics;a=b",
    "/_stcore/metrics%00",
    "/_stcore/metrics%20",
    "/_stcore\\metrics",
    "/_stcore/health/../metrics",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/account/_stcore/agent/openapi.json",
    "/_stcore/upload_file/x/y",
    "/media/../../dashboard/main.py",
    "/static/../../../../../../etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc/passwd",
    "/static/%2e%2e/%2e%2e/config.py",
    "/assets/..%2fmain.py",
    "/assets/..%5cmain.py",
    "/component/x/../../.streamlit/config.toml",
    "/.streamlit/config.toml",
    "/.streamlit/secrets.toml",
    "/app/static/main.py",
    "/dashboard/main.py",
    "/pages/operators.py",
    "/~/+/_stcore/metrics",
)


def shows_inside(told: bytes) -> str:
    """Whether an answer is a file or a figure of the server's inside."""
    body = told.partition(b"\r\n\r\n")[2]
    return next((f"it tells {sign!r}" for sign in INSIDE if sign in body), "")


def _path(world: World, path: str) -> str:
    for method in ("GET", "POST"):
        line = f"{method} {path} HTTP/1.1"
        told = _asked(
            world, line, f"Host: localhost:{world.live.port}", "Content-Length: 0", "Connection: close"
        )
        if got := shows_inside(told) or (f"fell over: {told[:40]!r}" if told[9:10] == b"5" else ""):
            return got
    return ""


for _path_asked in PATHS:
    add(f"path: {_path_asked}", partial(_path, path=_path_asked))

# --- Methods and forms ------------------------------------------------------------------------------------


def _signed_out(world: World, method: str, headers: dict[str, str]) -> str:
    """Another site signs Alice out."""
    cookie = world.cookie("Alice")
    world_headers = {"Cookie": f"clickker_session={cookie}", **headers}
    ask(method, world.url + "/session/end", headers=world_headers)
    return "" if world.lets_in(f"clickker_session={cookie}") else "she was signed out"


FROM_ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Referer": "http://localhost/"},
)
for _elsewhere in FROM_ELSEWHERE:
    for _how in ("GET", "POST"):
        add(
            f"signed out from elsewhere, {_how} {_elsewhere}",
            partial(_signed_out, method=_how, headers=_elsewhere),
        )


def _method(world: World, method: str) -> str:
    cookie = f"Cookie: clickker_session={world.cookie('Alice')}"
    host = f"Host: localhost:{world.live.port}"
    override = "X-HTTP-Method-Override: DELETE"
    for path in ("/registrations", "/export/registrations.csv", "/session/end", "/healthz"):
        told = _asked(world, f"{method} {path} HTTP/1.1", host, cookie, override, "Connection: close")
        if told[9:10] in {b"2", b"5"} or MARK.encode() in told:
            return f"{path}: {told[:60]!r}"
    return ""


for _verb in ("TRACE", "TRACK", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "PROPFIND", "get", "FOO"):
    add(f"method {_verb}", partial(_method, method=_verb))


@attempt("a password chosen by a form of another site")
def _(world: World) -> str:
    from core.accounts.invitations import invite

    anna = world.person("Anna", Role.ADMIN)
    link = urlsplit(invite(world.live.app, anna, "new@clickker.test", "New", Role.ADMIN).url)
    fields = {"password": "a perfectly fine one", "again": "a perfectly fine one"}
    for csrf in ({}, {"csrf": ""}, {"csrf": "x" * 64}):
        for cookie in ({}, {"Cookie": "clickker_form="}, {"Cookie": "clickker_form=x"}):
            answer = ask("POST", world.url + link.path, data=fields | csrf, headers=cookie)
            if answer.status_code < httpx.codes.BAD_REQUEST:
                return f"answered {answer.status_code}"
    return ""


# --- Sizes and framing ------------------------------------------------------------------------------------

SIZES: dict[str, Callable[[str], tuple[bytes, ...]]] = {
    "a header of 100 kB": lambda h: (f"GET / HTTP/1.1\r\n{h}X: {'a' * 100_000}\r\n\r\n".encode(),),
    "ten thousand headers": lambda h: (
        f"GET / HTTP/1.1\r\n{h}{'X: a' + chr(13) + chr(10)}".encode() * 10_000,
    ),
    "an address of a megabyte": lambda h: (
        f"GET /exact/callback?code={'a' * 1_000_000} HTTP/1.1\r\n{h}\r\n".encode(),
    ),
    "a body of 70 kB": lambda h: (
        f"POST /invitation/x HTTP/1.1\r\n{h}Content-Length: 70000\r\n\r\n".encode(),
        b"a" * 70_000,
    ),
    "a length beyond all bounds": lambda h: (
        f"POST / HTTP/1.1\r\n{h}Content-Length: {'9' * 40}\r\n\r\n".encode(),
    ),
    "a negative length": lambda h: (f"POST / HTTP/1.1\r\n{h}Content-Length: -5\r\n\r\n".encode(),),
    "chunks without end": lambda h: (
        f"POST /invitation/x HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n".encode(),
        (b"2000\r\n" + b"a" * 0x2000 + b"\r\n") * 40,
    ),
    "a chunk of a gigabyte": lambda h: (
        f"POST /invitation/x HTTP/1.1\r\n{h}Transfer-Encoding: chunked\r\n\r\n40000000\r\n".encode(),
        b"a" * 200_000,
    ),
    "a thousand fields": lambda h: (
        f"POST /invitation/x HTTP/1.1\r\n{h}Content-Length: 4000\r\n\r\n".encode(),
        b"a=1&" * 1_000,
    ),
}


def _sized(world: World, make: Callable[[str], tuple[bytes, ...]]) -> str:
    told = world.said(*make(f"Host: localhost:{world.live.port}\r\nConnection: close\r\n"))
    return (f"answered {told[:40]!r}" if told[9:10] in {b"2", b"5"} else "") or world.well()


for _title, _size in SIZES.items():
    add(f"too large: {_title}", partial(_sized, make=_size))

HIDDEN = "GET /export/registrations.csv HTTP/1.1\r\nHost: localhost:PORT\r\nCookie: COOKIE\r\n\r\n"
FRAMING: dict[str, str] = {
    "a length and chunks": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "Content-Length: 0\r\nContent-Length: 90\r\n\r\n",
    "lengths in a list": "Content-Length: 0, 90\r\n\r\n",
    "xchunked": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length : 0\r\n\r\n",
    "a plus sign": "Content-Length: +0\r\n\r\n",
    "a bare carriage return": "X: a\rTransfer-Encoding: chunked\r\nContent-Length: -0\r\n\r\n",
    "a chunk of odd size": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
}


def _smuggled(world: World, framing: str) -> str:
    """A request hidden in another, as a proxy and we might read them differently: whether it was answered."""
    hidden = HIDDEN.replace("COOKIE", f"clickker_session={world.cookie('Alice')}")
    whole = f"POST /invitation/x HTTP/1.1\r\nHost: localhost:PORT\r\n{framing}{hidden}"
    told = world.said(whole.replace("PORT", str(world.live.port)).encode())
    return "the hidden request was answered" if MARK.encode() in told else ""


for _title, _framing in FRAMING.items():
    add(f"hidden behind {_title}", partial(_smuggled, framing=_framing))
