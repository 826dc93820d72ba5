"""Which administrations the customer lets us see, and which of them are linked here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import Conflict, InvalidInput, NotFound
from core.exact.errors import ExactError
from core.i18n import _
from core.registrations.budget import Budget, only_waits
from core.registrations.doors import known_codes
from core.registrations.facts import linked_of
from core.registrations.failures import record_failure
from core.registrations.fitting import compare_name
from core.registrations.incidents import note_success
from core.registrations.linked_elsewhere import UNSEEN, taken_elsewhere
from core.registrations.noting import note_alone, note_linked
from core.registrations.reading_places import KeptPages
from core.registrations.schedule import wants_checks
from core.registrations.scope import check_visible, find, find_for, visible
from core.registrations.seen import Seen, check_linked, check_login
from core.registrations.settle import follow, settle
from core.registrations.shown_by_exact import keep_seen, nothing_shown
from core.registrations.timeline import write
from core.registrations.unsaved import forget_saved
from core.registrations.user_lists import user_divisions
from core.registrations.views import AdministrationView
from core.storage.models import Administration, Grant, Registration
from core.tokens.rotation import access_token

__all__ = [
    "compare_name", "keep_seen", "read_administrations", "read_from_exact", "save_administrations",
    "view_administrations",
]  # fmt: skip

_NAMES_IN_TIMELINE = 20


def read_administrations(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Ask Exact again which administrations we may see. Raises ``ExactError`` after recording it."""
    require(by, Action.CHECK)
    with app.database.read() as session:
        check_visible(session, app, by, registration_id)
    error = read_from_exact(app, registration_id, by.name, fresh=True)
    note_alone(app, Event.ADMINISTRATIONS_READ, by, registration_id, failed=error is not None)
    if error is not None:
        raise error


def read_from_exact(
    app: Application, registration_id: int, actor: str, *, fresh: bool = False
) -> ExactError | None:
    """The same without an operator; the failure is recorded and returned. A list that is too long for now goes on with
    the keeper, or with the next who asks."""
    with app.database.read() as session:
        registration, grant = _with_grant(session, registration_id)
        known: list[int | None] = [*known_codes(session, registration_id, grant.current_division)]
    budget = Budget(app, registration.environment, grant.current_division, grant.id)
    pages = KeptPages(app, registration_id, grant.id, fresh=fresh)
    try:
        token = access_token(app, grant.id)
        if not known:  # the user may have opened an administration since
            known = [app.exact.me(registration.environment, token, budget).current_division]
        divisions = app.exact.divisions(registration.environment, token, known, budget, pages)
        users = user_divisions(
            app, registration.environment, pages, token, divisions, budget=budget, through=known
        )
    except ExactError as error:
        return _not_read(app, registration_id, pages.in_short(error))
    finally:
        budget.keep()
        follow(app, grant.id)
    with app.database.transaction() as session:
        row = find(session, registration_id)
        if row.grant_id != grant.id:
            return None
        keep_seen(session, row, divisions, users)
        write(session, row.id, actor, "administrations_read", count=len(divisions))
        shown = bool(divisions) or _has_linked(session, row)
        if shown:
            _note_success(session, app, row, users.goes_on_at)
    return None if shown else _not_read(app, registration_id, nothing_shown())


def _has_linked(session: Session, row: Registration) -> bool:
    return session.scalar(select(Administration.id).where(*linked_of(row.id)).limit(1)) is not None


def _note_success(session: Session, app: Application, row: Registration, goes_on_at: datetime | None) -> None:
    _go_on(row, goes_on_at)
    row.last_checked_at = row.last_success_at = clock.now()
    settle(session, app.settings, row, clock.now())
    note_success(session, app.settings, row, clock.now())


def _not_read(app: Application, registration_id: int, error: ExactError) -> ExactError:
    if not only_waits(error):
        record_failure(app, registration_id, error)
    elif error.retry_at is not None:
        with app.database.transaction() as session:
            _go_on(find(session, registration_id), error.retry_at)
    return error


def _go_on(row: Registration, at: datetime | None) -> None:
    """Let the keeper come back for the rest of a list, where it looks at all."""
    if at is not None and wants_checks(row):
        row.next_check_at = at


def save_administrations(
    app: Application,
    by: CurrentOperator,
    registration_id: int,
    codes: Collection[int],
    seen: Seen | None = None,
) -> None:
    """Link exactly these administrations. Raises ``InvalidInput``, and ``Conflict`` naming who has one already.

    Raises ``ChangedMeanwhile`` when the consent, or what is linked, is not what was ``seen``.
    """
    require(by, Action.REGISTER)
    wanted = set(codes)
    if not wanted:
        raise InvalidInput(_("Choose at least one administration, then save all changes."))
    try:
        with app.database.transaction() as session:
            row = find_for(session, app, by, registration_id)
            check_login(row, seen)
            if row.grant_id is None:
                raise InvalidInput(_("There is no consent yet. Press Connect first."))
            check_linked(session, row, seen)
            _link(session, app, by, row, wanted)
            forget_saved(session, by, row.id, "ticks")
    except IntegrityError:
        raise Conflict(
            _("Somebody linked one of these administrations just now. Look again and save.")
        ) from None


def view_administrations(
    session: Session, registration: Registration, seen: Sequence[ColumnElement[bool]] = ()
) -> tuple[AdministrationView, ...]:
    """What may be linked or is, linked ones first, then by name; ``seen`` as for ``grant_view``."""
    rows = session.scalars(
        select(Administration)
        .where(
            Administration.registration_id == registration.id,
            Administration.permitted | Administration.linked,
        )
        .order_by(Administration.linked.desc(), Administration.name_key)
    ).all()
    taken = taken_elsewhere(session, registration, [row.code for row in rows], seen)
    return tuple(_view(row, taken) for row in rows)


def _with_grant(session: Session, registration_id: int) -> tuple[Registration, Grant]:
    registration = session.get(Registration, registration_id)
    grant = session.get(Grant, registration.grant_id) if registration and registration.grant_id else None
    if registration is None or grant is None:
        raise NotFound(_("There is no consent for this registration yet. Press Connect first."))
    return registration, grant


def _link(
    session: Session, app: Application, by: CurrentOperator, registration: Registration, wanted: set[int]
) -> None:
    mine = select(Administration).where(Administration.registration_id == registration.id)
    rows = session.scalars(mine.order_by(Administration.code)).all()
    taken = taken_elsewhere(session, registration, [row.code for row in rows], visible(app.settings, by))
    added = [row for row in rows if row.code in wanted and not row.linked]
    removed = [row for row in rows if row.linked and row.code not in wanted]
    _check_linkable(added, taken, wanted - {row.code for row in rows})
    now = clock.now()
    for row in sorted(added, key=lambda row: row.code):
        row.linked, row.linked_at, row.last_success_at = True, now, registration.last_success_at
        # One by one and by code (``locking``): of two that want the same ones the second is refused, and none is stuck.
        session.flush()
    for row in removed:
        row.linked, row.linked_at = False, None
    for row in (*added, *removed):
        row.last_failure_at = row.last_failure_kind = row.last_failure_message = None
    registration.completed_at = registration.completed_at or now
    registration.updated_at = now
    if added or removed:
        write(
            session,
            registration.id,
            by.name,
            "administrations_saved",
            added=_names(added),
            removed=_names(removed),
        )
        note_linked(session, by, registration, [row.code for row in added], [row.code for row in removed])
    settle(session, app.settings, registration, now)


def _check_linkable(
    added: list[Administration], taken: dict[int, tuple[int, str]], unknown: set[int]
) -> None:
    if unknown:
        raise InvalidInput(_("One of these administrations is not known here. Read the list again."))
    for row in added:
        if row.code in taken:
            raise Conflict(
                _("{administration} is already linked to {registration}. Unlink it there first.").format(
                    administration=row.name, registration=taken[row.code][1] or _("another registration")
                )
            )
        if not row.permitted or row.exact_status == 2:  # noqa: PLR2004 - archived, see models
            raise InvalidInput(
                _("{administration} cannot be linked: it is archived or not permitted.").format(
                    administration=row.name
                )
            )


def _view(row: Administration, taken: dict[int, tuple[int, str]]) -> AdministrationView:
    hidden = taken.get(row.code) == UNSEEN  # the bookkeeping of a customer whom the reader may not see
    return AdministrationView(
        code=row.code,
        name=_("Linked in another registration") if hidden else row.name,
        customer_name="" if hidden else row.customer_name,
        country=row.country,
        currency=row.currency,
        vat_number="" if hidden else row.vat_number,
        exact_status=row.exact_status,
        blocking_status=row.blocking_status,
        permitted=row.permitted,
        linked=row.linked,
        taken_by=taken.get(row.code),
    )


def _names(rows: list[Administration]) -> list[str]:
    names = [row.name for row in rows[:_NAMES_IN_TIMELINE]]
    return [*names, "…"] if len(rows) > _NAMES_IN_TIMELINE else names
