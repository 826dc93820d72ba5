"""What an operator has ticked or typed for a registration and not saved yet.

It is kept on the server, as a draft is: leaving the page, an ended session, a restart or a socket that is cut take
nothing along. Whoever saves, or lets go of it, forgets it; so does deleting the registration.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.scope import check_visible, find_for
from core.registrations.views import RegistrationForm, RegistrationView
from core.storage.models import UnsavedWork

Place = Literal["ticks", "details"]


@dataclass(frozen=True)
class UnsavedDetails:
    """A form that was being filled in, what it held when it was opened, and when it was last typed in."""

    form: RegistrationForm
    opened: RegistrationForm
    kept_at: datetime


def keep_ticks(
    app: Application, by: CurrentOperator, view: RegistrationView, ticked: Collection[int]
) -> None:
    """Keep which administrations are ticked, beside which are linked in the ``view`` that they are ticked in."""
    require(by, Action.VIEW)
    linked = {a.code for a in view.linked}
    grant = view.grant.id if view.grant else ""
    _keep(app, by, view.id, "ticks", {"ticked": sorted(ticked), "linked": sorted(linked), "grant": grant})


def kept_ticks(app: Application, by: CurrentOperator, view: RegistrationView) -> frozenset[int] | None:
    """What was ticked and not saved, None when nothing was, or when another consent has come since.

    What a colleague has linked or let go of since is so here too.
    """
    require(by, Action.VIEW)
    row = _kept(app, by, view.id, "ticks")
    if row is None or view.grant is None or row.content["grant"] != view.grant.id:
        return None
    ticked, before = frozenset(row.content["ticked"]), frozenset(row.content["linked"])
    now = frozenset(a.code for a in view.linked)
    offered = {a.code for a in view.administrations if a.available or a.linked}
    return frozenset(((now | (ticked - before)) - (before - ticked)) & offered)


def keep_details(
    app: Application,
    by: CurrentOperator,
    registration_id: int,
    form: RegistrationForm,
    opened: RegistrationForm,
) -> None:
    """Keep what is typed into the details; what is as it was ``opened`` is nothing to keep."""
    require(by, Action.VIEW)
    if form == opened:
        forget(app, by, registration_id, "details")
        return
    _keep(app, by, registration_id, "details", {"form": asdict(form), "opened": asdict(opened)})


def kept_details(app: Application, by: CurrentOperator, registration_id: int) -> UnsavedDetails | None:
    """What was typed into the details and not saved; None when nothing was."""
    require(by, Action.VIEW)
    row = _kept(app, by, registration_id, "details")
    if row is None:
        return None
    form, opened = (RegistrationForm(**row.content[name]) for name in ("form", "opened"))
    return UnsavedDetails(form, opened, row.kept_at)


def forget(app: Application, by: CurrentOperator, registration_id: int, place: Place) -> None:
    """Let go of what was kept; nothing happens when nothing was. Raises ``NotFound``."""
    require(by, Action.VIEW)
    with app.database.transaction() as session:
        check_visible(session, app, by, registration_id)
        forget_saved(session, by, registration_id, place)


def forget_saved(session: Session, by: CurrentOperator, registration_id: int, place: Place) -> None:
    """The same in the transaction that saves it."""
    session.execute(
        delete(UnsavedWork).where(
            UnsavedWork.operator_id == by.id,
            UnsavedWork.registration_id == registration_id,
            UnsavedWork.place == place,
        )
    )


def _keep(
    app: Application, by: CurrentOperator, registration_id: int, place: Place, content: dict[str, Any]
) -> None:
    with app.database.transaction() as session:
        find_for(session, app, by, registration_id)
        session.merge(
            UnsavedWork(
                operator_id=by.id,
                registration_id=registration_id,
                place=place,
                content=content,
                kept_at=clock.now(),
            )
        )


def _kept(app: Application, by: CurrentOperator, registration_id: int, place: Place) -> UnsavedWork | None:
    with app.database.read() as session:
        check_visible(session, app, by, registration_id)
        return session.get(UnsavedWork, (by.id, registration_id, place))
