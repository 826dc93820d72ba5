"""Pages of ours without Streamlit: for invitations, for customers, for what went wrong. One style for all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from core.i18n import _, best_language, current_language, ngettext, set_language
from dashboard.headers import plain_policy

HERE = Path(__file__).parent
HEADERS = {
    "Cache-Control": "no-store",
    # The address may hold a link's secret.
    "Referrer-Policy": "no-referrer",
}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.globals.update(_=_, ngettext=ngettext)
    return environment


def speak_language_of(request: Request) -> None:
    """Use the language the browser asks for, for the rest of this request."""
    set_language(best_language(request.headers.get("accept-language", "")))


def plain_page(
    template: str, *, status: int = 200, form_targets: Sequence[str] = (), **values: object
) -> HTMLResponse:
    """A page from ``templates/``, in the language in force; every value is escaped.

    ``form_targets`` are the origins, beside our own, to which a form on the page may lead by a redirect.
    """
    text = _templates().get_template(template).render(language=current_language(), **values)
    policy = {"Content-Security-Policy": plain_policy(*form_targets)}
    return HTMLResponse(text, status, HEADERS | policy)


def message_page(
    title: str, sentence: str, *, status: int = 200, link: tuple[str, str] | None = None
) -> HTMLResponse:
    """A page that says one thing; ``link`` is (address, text) of the next step."""
    return plain_page("message.html", status=status, title=title, sentence=sentence, link=link)
