"""What the token layer offers beside a token: the one place that names it, for checks and keeper."""

from __future__ import annotations

from datetime import timedelta
from random import uniform

from sqlalchemy import update

from core import clock
from core.application import Application
from core.storage.models import Grant
from core.tokens.grants import read_access_token
from core.tokens.rotation import access_token

__all__ = ["access_token", "distrust", "keep_alive", "replay"]

# Stand-ins until ``core.tokens`` brings its own: rotation.distrust, rotation.keep_alive and journal.replay.


def distrust(app: Application, grant_id: str, token: str) -> None:
    """Exact does not accept ``token`` any more: it counts as ended. Nothing happens when the row holds another."""
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is not None and read_access_token(app.vault, grant) == token:
            grant.access_expires_at = clock.now()


def keep_alive(app: Application, grant_id: str) -> None:
    """Spend the refresh token so that the consent lives on. Raises ``ExactError``."""
    access_token(app, grant_id)
    rested = timedelta(days=app.settings.keep_alive_days * uniform(0.9, 1))  # noqa: S311 - no secret
    with app.database.transaction() as session:
        later = clock.now() + rested
        session.execute(update(Grant).where(Grant.id == grant_id).values(keep_alive_at=later))


def replay(app: Application) -> int:
    """Commit what the journal still holds; how many answers that were."""
    return 0
