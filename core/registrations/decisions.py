"""Another Exact user gave consent than the one the connection was made by: compare, then decide."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import Conflict, NotFound
from core.exact.errors import ExactError
from core.i18n import _
from core.registrations.administrations import read_from_exact
from core.registrations.budget import Budget
from core.registrations.facts import linked_of
from core.registrations.failures import forget_failures
from core.registrations.grants import release_grant, set_candidate
from core.registrations.noting import note
from core.registrations.reading_places import KeptPages
from core.registrations.schedule import look_soon
from core.registrations.scope import find_for
from core.registrations.seen import Seen, check_candidate
from core.registrations.settle import follow, settle
from core.registrations.timeline import write
from core.registrations.views import RegistrationView
from core.storage.models import Administration, Grant, Registration
from core.tokens.facts import grant_is_dead
from core.tokens.rotation import access_token


@dataclass(frozen=True)
class Comparison:
    """What would change: names of the linked administrations lost, kept, and of those newly visible."""

    lost: tuple[str, ...]
    kept: tuple[str, ...]
    new: tuple[str, ...]


def compare_consent(view: RegistrationView) -> Comparison:
    """What the consent in force permits, beside what is linked: for a reconnect by the same Exact user."""
    return Comparison(
        lost=tuple(a.name for a in view.linked if not a.permitted),
        kept=tuple(a.name for a in view.linked if a.permitted),
        new=tuple(a.name for a in view.administrations if a.available and not a.linked),
    )


def compare_candidate(app: Application, by: CurrentOperator, registration_id: int) -> Comparison:
    """Ask Exact what the new login may see, beside what is linked. Raises ``ExactError``, ``NotFound``."""
    require(by, Action.CHECK)
    with app.database.read() as session:
        row = find_for(session, app, by, registration_id)
        grant = _candidate(session, row)
        linked = dict(
            session.execute(select(Administration.code, Administration.name).where(*linked_of(row.id))).all()
        )
        codes = [code for code in (grant.current_division, *linked) if code is not None]
    budget = Budget(app, row.environment, grant.current_division, grant.id)
    pages = KeptPages(app, row.id, grant.id, fresh=True)
    try:
        token = access_token(app, grant.id)
        follow(app, grant.id)
        found = app.exact.divisions(row.environment, token, codes, budget, pages)
    except ExactError as error:
        raise pages.in_short(error) from None
    finally:
        budget.keep()
    seen = {division.code: division.name or str(division.code) for division in found}
    return Comparison(
        lost=tuple(name for code, name in linked.items() if code not in seen and found.whole),
        kept=tuple(name for code, name in linked.items() if code in seen),
        new=tuple(name for code, name in seen.items() if code not in linked),
    )


def accept_candidate(
    app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None
) -> None:
    """Let the connection run under the new login from here on; links stay, what it may not see shows as such.

    Raises ``ChangedMeanwhile`` when the logins are not those that were ``seen``.
    """
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_candidate(row, seen)
        grant = _candidate(session, row)
        if grant.exact_user_id is None:  # a form that was opened when another consent waited
            raise Conflict(_("Exact Online has not told yet whose this consent is. Ask again in a moment."))
        if grant_is_dead(grant):
            raise Conflict(
                _("Exact Online no longer accepts this consent. Keep the old login, or connect again.")
            )
        before, row.grant_id = row.grant_id, grant.id
        forget_failures(session, row)
        look_soon(row, clock.now())  # what it permits may not be read by this process any more
        set_candidate(session, app, row, None)
        if before is not None:
            release_grant(session, app, before)
        write(session, row.id, by.name, "candidate_accepted", user=grant.full_name or grant.user_name)
        note(session, Event.CANDIDATE_ACCEPTED, by, row, detail=grant.full_name or grant.user_name)
        settle(session, app.settings, row, clock.now())
    read_from_exact(app, registration_id, by.name)


def reject_candidate(
    app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None
) -> None:
    """Set the new login aside; the old connection stays, and the new tokens are deleted if nobody uses them.

    Raises ``ChangedMeanwhile`` as ``accept_candidate``.
    """
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_candidate(row, seen)
        grant = _candidate(session, row)
        write(session, row.id, by.name, "candidate_rejected", user=grant.full_name or grant.user_name)
        note(session, Event.CANDIDATE_REJECTED, by, row, detail=grant.full_name or grant.user_name)
        set_candidate(session, app, row, None)
        settle(session, app.settings, row, clock.now())


def _candidate(session: Session, row: Registration) -> Grant:
    grant = session.get(Grant, row.candidate_grant_id) if row.candidate_grant_id else None
    if grant is None:
        raise NotFound(_("There is nothing left to decide here."))
    return grant
