"""What every command does: opens the application, and explains what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from core.application import Application, build
from core.errors import ClickkerError
from core.starting import read_settings
from core.starting_database import check_usable

WRONG_SETTINGS = 2
"""Exit code of everything that its sentence says how to mend; 1 is for what was looked at and found wrong."""


@contextmanager
def explained() -> Iterator[None]:
    """A sentence and exit code 2 instead of a traceback, for everything an operator can mend."""
    try:
        yield
    except ClickkerError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(WRONG_SETTINGS) from None


@contextmanager
def opened_application() -> Iterator[Application]:
    """The application of the settings, closed at the end."""
    opened = build(read_settings())
    try:
        check_usable(opened.database, opened.settings.database_url.get_secret_value())
        yield opened
    finally:
        opened.exact.close()
        opened.journal.close()
        opened.database.dispose()
