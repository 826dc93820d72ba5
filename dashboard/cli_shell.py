"""What every command line of ours stands on: the application for one command, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from core.application import Application, build
from core.errors import ClickkerError
from core.starting import read_settings

WRONG_SETTINGS = 2
"""Exit code when the installation is set up wrongly, as shells use it for wrong usage."""


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
    """The application of this machine's settings, for as long as the block runs."""
    opened = build(read_settings())
    try:
        yield opened
    finally:
        opened.exact.close()
        opened.journal.close()
        opened.database.dispose()
