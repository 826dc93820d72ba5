"""Streamlit's index page, as ours: our name and mark, and what lets a page open sooner.

The page in the installed wheel is rewritten once, at start. Its one inline script becomes ours as well: Streamlit's
client reads ``window.__streamlit`` when it starts. Told where the server is, it opens its WebSocket at once;
otherwise it first asks ``/_stcore/health`` below the address of the page, is told 404, waits, and asks again at
the root. That took 150 ms of each opening of a page other than the first.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core.application import application
from core.i18n import best_language, current_language
from dashboard import bars, copying, html_table, menu, translation, typing_script
from dashboard.headers import frame_policy
from dashboard.links import link_script
from dashboard.navigation import ENTRIES, address
from dashboard.preloads import widget_scripts
from dashboard.visitor import visitor

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
CONNECT_SCRIPT = (
    # Streamlit's protobuf tries WebAssembly for sums of 64 bits, which the policy refuses, and does without where there
    # is none: so there is none, and neither a hole in the policy nor a violation of it.
    "delete window.WebAssembly;"
    'window.prerenderReady=false;window.__streamlit={BACKEND_BASE_URL:location.origin+"/",'
    "HOST_CONFIG:{allowedOrigins:[location.origin],useExternalAuthToken:false}}"
)
STYLE = (
    '<style>[data-testid="InputInstructions"],[data-testid="stHeaderActionElements"] a,'
    '[data-testid="stElementToolbar"]{display:none}[data-testid="stTable"] td *{overflow-wrap:anywhere}</style>'
)
"""Hides what Streamlit says in English only: "Press Enter to apply" and its kin under a field, which says enough by
itself, and the "Link to heading" beside every heading; and the tools of a table, whose download knows neither roles nor
spreadsheets that run what they read. A long address breaks instead of pushing its column out of sight."""
_REPLACEMENTS = (
    (
        re.compile(r"<script>.*?</script>", re.DOTALL),
        f"<script>{CONNECT_SCRIPT};{link_script()};{copying.SCRIPT};{typing_script.SCRIPT};"
        f"{translation.SCRIPT}</script>{translation.META}",
    ),
    (re.compile(r"<title>.*?</title>"), "<title>Clickker Connections</title>"),
    (
        re.compile(r'<link rel="shortcut icon"[^>]*>'),
        '<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">',
    ),
    (re.compile(r'<link rel="service-desc"[^>]*>'), ""),
    (
        re.compile(r"<noscript>.*?</noscript>", re.DOTALL),
        "<noscript><p>This page needs JavaScript.</p></noscript>",
    ),
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"\n\s+"), "\n"),
    (re.compile(r'"\./static/'), '"/static/'),
)


@cache
def frame_page(language: str = "en", browsers: str = "en") -> str:
    """The page in which every Streamlit page is drawn, in the visitor's language; ``browsers`` is that of the browser,
    in which the sign-in form is drawn when the session has ended."""
    page = INDEX.read_text(encoding="utf-8")
    for found, instead in _REPLACEMENTS:
        page = found.sub(instead, page)
    page = page.replace('<html lang="en">', f'<html lang="{language}">')
    page = page.replace("<body", f'{translation.BODY} data-lang="{browsers}"')
    looks = f"{STYLE}<style>{html_table.style()}{bars.STYLE}{copying.STYLE}{menu.STYLE}</style>\n"
    return page.replace("</head>", f"{_preloads(page)}{looks}</head>").strip()


def _preloads(page: str) -> str:
    known = set(re.findall(r'/static/js/([^"]+)"', page))
    links = (
        f'<link rel="modulepreload" crossorigin href="/static/js/{name}">' for name in widget_scripts(known)
    )
    return "\n".join(links) + "\n"


def frame(request: Request) -> Response:
    """Any of our Streamlit pages: they differ only in what the WebSocket brings."""
    browsers = best_language(request.headers.get("accept-language", ""))
    page = frame_page(_language_of(request) or browsers, browsers)
    policy = frame_policy(application().settings, page)
    return HTMLResponse(page, headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy})


def _language_of(request: Request) -> str | None:
    """The language of whoever is signed in."""
    try:
        signed_in = visitor(request)
    except Exception:  # the page comes all the same, and says what is wrong
        return None
    return current_language() if signed_in else None


ROUTES = [Route(address(entry.key), frame) for entry in ENTRIES]
