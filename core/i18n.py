"""Texts in the language of whoever reads them.

English is the language of the source; Dutch is a gettext catalogue read from its ``.po`` file at first use, so
that no compiled file has to be kept in step. The language is a context variable: set once per run or request.
"""

from __future__ import annotations

import gettext as gettext_module
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"nl": "Nederlands", "en": "English"}
DEFAULT_LANGUAGE = "nl"

_language: ContextVar[str] = ContextVar("language", default="en")


@cache
def _catalogue(language: str) -> gettext_module.NullTranslations:
    path = Path(__file__).parent / "locales" / language / "LC_MESSAGES" / "clickker.po"
    if not path.exists():
        return gettext_module.NullTranslations()
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)


def _(message: str) -> str:
    """The text in the current language."""
    return _catalogue(_language.get()).gettext(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    """The text in the current language, for one or for more."""
    return _catalogue(_language.get()).ngettext(singular, plural, number)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark now, translate when shown"
    """Mark a text for translation without translating it yet."""
    return message


def current_language() -> str:
    """The two-letter code of the language in force."""
    return _language.get()


def set_language(language: str | None) -> None:
    """Use ``language`` from here on in this run or request; an unknown one becomes Dutch."""
    _language.set(language if language in LANGUAGES else DEFAULT_LANGUAGE)


@contextmanager
def language(code: str) -> Iterator[None]:
    """Use ``code`` while the block runs."""
    token = _language.set(code if code in LANGUAGES else DEFAULT_LANGUAGE)
    try:
        yield
    finally:
        _language.reset(token)


def best_language(accept_language: str) -> str:
    """The language a browser asks for with its Accept-Language header, of those we have."""
    for part in accept_language.split(","):
        code = part.split(";")[0].strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return DEFAULT_LANGUAGE
