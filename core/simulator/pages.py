"""The pages a customer sees, drawn with Jinja2. Exact's own words for buttons stay English in every language."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.i18n import N_, _, best_language, current_language, language, ngettext
from core.simulator.config import SimulatorApp
from core.simulator.consent import AttemptView, Problem
from core.simulator.data import ARCHIVED, Division, User

_FOLDER = Path(__file__).parent / "templates"
COUNTRIES = {
    "nl": N_("Netherlands"),
    "be": N_("Belgium"),
    "de": N_("Germany"),
    "uk": N_("United Kingdom"),
    "us": N_("United States"),
    "es": N_("Spain"),
    "fr": N_("France"),
}
SEARCHABLE_FROM = 8
"""A list this long gets a search field."""


@cache
def _templates() -> Environment:
    # No i18n extension: it would bind one language when the environment is made.
    made = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    made.trim_blocks = made.lstrip_blocks = True
    return made


def _draw(template: str, accept_language: str, **values: object) -> str:
    with language(best_language(accept_language) if accept_language else "en"):
        shared = {"_": _, "ngettext": ngettext, "language": current_language(), "notes": notes}
        return _templates().get_template(template).render(**shared, **values)


def message_page(text: str, accept_language: str = "", back: str = "") -> str:
    """A page with one sentence; Exact's own texts are handed in as they are."""
    return _draw("message.html", accept_language, text=text, back=back)


def ended_page(accept_language: str = "") -> str:
    """The page for a form that is over, or another browser's."""
    return _draw("ended.html", accept_language)


def login_page(
    view: AttemptView,
    action: str,
    users: Collection[User],
    accept_language: str = "",
    *,
    problem: Problem | None = None,
    user_name: str = "",
) -> str:
    """The first step: user name, password, Next."""
    return _draw(
        "login.html",
        accept_language,
        view=view,
        action=action,
        users=users,
        country=country(view.app, accept_language),
        problem=problem,
        user_name=user_name,
    )


def consent_page(
    view: AttemptView,
    action: str,
    accept_language: str = "",
    *,
    problems: Collection[Problem] = (),
    terms: bool = False,
    use_of_data: bool = False,
) -> str:
    """The second step: administrations, terms and use of data, Allow or Deny."""
    return _draw(
        "consent.html",
        accept_language,
        view=view,
        action=action,
        country=country(view.app, accept_language),
        problems=problems,
        terms=terms,
        use_of_data=use_of_data,
        searchable=len(view.choices) >= SEARCHABLE_FROM,
    )


def country(app: SimulatorApp, accept_language: str) -> str:
    """The name of the app's country, in the reader's language."""
    with language(best_language(accept_language) if accept_language else "en"):
        return _(COUNTRIES[app.environment])


def notes(division: Division) -> str:
    """What is special about a division, in the reader's language."""
    words = []
    if division.status == ARCHIVED:
        words.append(_("archived"))
    if division.status == 0:
        words.append(_("inactive"))
    if division.blocking:
        words.append(_("blocked"))
    return ", ".join(words)


@cache
def static_file(name: str) -> bytes:
    """The style sheet or the script of the pages."""
    return (_FOLDER / name).read_bytes()
