"""What an Exact user reaches beyond our consent: good to know, and not to be had everywhere. A refusal holds for a day.

Exact blocks an app after ten errors within an hour at one address, and of these we risk four: asking again each round
would use up those of all customers behind the login (exact-online.md, section 6).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core import clock
from core.application import Application
from core.exact.diagnosis import diagnose
from core.exact.environments import exact_app
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Listed
from core.registrations.budget import Budget, holds_back
from core.registrations.doors import door
from core.registrations.overruling import COUNTED_ERRORS, UNSAID
from core.registrations.reading_places import KeptPages
from core.storage.models import RefusedCall
from core.storage.sets import on_sqlite

A_DAY = timedelta(days=1)
_LONGEST = 60
_THE_APPS = frozenset({400, 404})
"""Exact does not know what was asked: so it is for every login."""
_TOKENS = 401
"""Says that the token is not accepted, or not for this list: who consented, which every token may ask, tells which."""


@dataclass(frozen=True)
class UserList:
    """What the Exact user reaches beyond our consent."""

    divisions: Listed | None = None
    """None when Exact does not tell."""
    goes_on_at: datetime | None = None
    """When the rest of a long list can be asked: until then nothing is known of it."""


def user_divisions(
    app: Application,
    environment: str,
    pages: KeptPages,
    token: str,
    divisions: Listed,
    *,
    budget: Budget,
    through: Collection[int | None] = (),
) -> UserList:
    """What the user of this login reaches; nothing when Exact does not tell, or refused to within the last day.

    ``divisions`` is what our consent permits, read into ``pages``: one of them is asked ``through``. Of what goes wrong
    here only one thing is raised: ``ExactError`` when Exact may not accept ``token`` any more.
    """
    if _is_refused(app, environment, pages.grant_id):
        return UserList()
    refusals: list[ExactError] = []
    own = pages.beside(app.settings.user_list)
    found = app.exact.user_divisions(
        environment, token, door(divisions, through), budget, refusals.append, reading=own
    )
    for error in refusals:
        if error.kind == FailureKind.RATE_LIMITED and (
            own.has_begun or (pages.has_begun and holds_back(error))
        ):
            return UserList(goes_on_at=error.retry_at or clock.now() + UNSAID)
        if error.status == _TOKENS:
            app.exact.me(environment, token, budget)
        if error.status in COUNTED_ERRORS:
            _remember(app, environment, pages.grant_id, error)
    return UserList(found)


def _is_refused(app: Application, environment: str, grant_id: str) -> bool:
    refused = select(RefusedCall.until).where(
        RefusedCall.environment == environment,
        RefusedCall.client_id == exact_app(app.settings, environment).client_id,
        RefusedCall.resource == app.settings.user_list[:_LONGEST],
        RefusedCall.login.in_(("", grant_id)),
        RefusedCall.until > clock.now(),
    )
    with app.database.read() as session:
        return session.scalar(refused.limit(1)) is not None


def _remember(app: Application, environment: str, grant_id: str, error: ExactError) -> None:
    now = clock.now()
    row = {
        "environment": environment,
        "client_id": exact_app(app.settings, environment).client_id,
        "resource": app.settings.user_list[:_LONGEST],
        "login": "" if _is_for_all(error) else grant_id,
        "until": now + A_DAY,
    }
    with app.database.transaction() as session:
        insert = sqlite.insert if on_sqlite(session) else postgresql.insert
        key = (RefusedCall.environment, RefusedCall.client_id, RefusedCall.resource, RefusedCall.login)
        session.execute(
            insert(RefusedCall)
            .values(row)
            .on_conflict_do_update(index_elements=key, set_={"until": row["until"]})
        )


def _is_for_all(error: ExactError) -> bool:
    """Whether it is our app that may not ask, whoever consented."""
    if error.status in _THE_APPS:
        return True
    return diagnose(error.exact_message, FailureKind.FORBIDDEN).rule.key == "scope_violated"
