"""The command ``clickker audit``: is the audit log as it was written?"""

from __future__ import annotations

import typer

from core.application import Application
from core.audit.verifying import Verdict, verify
from core.audit.wording import verdict_sentences
from core.i18n import _

EVERY = 100_000
"""So many entries from one line of progress to the next."""


def verify_and_tell(app: Application) -> int:
    """Say what came of it; returns the exit code."""
    verdict: Verdict = verify(app, None, _progress)
    for sentence in verdict_sentences(verdict):
        typer.echo(sentence)
    return 1 if verdict.broken else 0


def _progress(read: int) -> None:
    if read and read % EVERY == 0:
        typer.echo(_("{count} entries read ...").format(count=read), err=True)
