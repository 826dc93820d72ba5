"""The people of Clickker who may sign in, and what an admin does with them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update

from core.accounts.adding import add_row
from core.accounts.emails import check_email
from core.accounts.invitations import (
    InvitationLink,
    InvitationView,
    accept_invitation,
    invite,
    open_invitation,
    resend,
    reset,
    revoke,
    revoke_open,
)
from core.accounts.last_admin import keep_an_admin, locked_operator
from core.accounts.names import audited, check_name
from core.accounts.operator_list import OperatorView, list_operators
from core.accounts.passwords import check_password, hash_password
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.accounts.sessions import end_all_sessions
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import Conflict, InvalidInput, NotFound
from core.i18n import LANGUAGES, _
from core.storage.models import Operator, Registration

__all__ = [
    "InvitationLink",
    "InvitationView",
    "OperatorView",
    "Person",
    "accept_invitation",
    "active_operators",
    "add_operator",
    "disable",
    "enable",
    "invite",
    "list_operators",
    "open_invitation",
    "people",
    "rename",
    "resend",
    "reset",
    "revoke",
    "set_language",
    "set_role",
]


def active_operators(app: Application) -> tuple[tuple[int, str], ...]:
    """(id, name) of everybody who may own a registration, by name."""
    asked = select(Operator.id, Operator.name).where(Operator.active).order_by(func.lower(Operator.name))
    with app.database.read() as session:
        return tuple((row.id, row.name) for row in session.execute(asked))


@dataclass(frozen=True)
class Person:
    """An operator as one to choose."""

    id: int
    name: str
    email: str
    active: bool


def people(app: Application) -> tuple[Person, ...]:
    """Everybody there is, the disabled ones too, by name: some of them still own registrations."""
    asked = select(Operator.id, Operator.name, Operator.email, Operator.active)
    with app.database.read() as session:
        rows = session.execute(asked.order_by(func.lower(Operator.name), Operator.id))
        return tuple(Person(*row) for row in rows)


def add_operator(  # noqa: PLR0917 - the order in which people say it
    app: Application, email: str, name: str, role: Role, password: str, language: str | None = None
) -> int:
    """Add an operator with a password at once: the command line's door. Returns the id.

    Raises ``InvalidInput`` or ``Conflict`` as ``invite`` and ``accept_invitation`` do.
    """
    folded, shown = check_email(email), check_name(name)
    if not may_use_password(app.settings, folded):
        raise Conflict(
            _("Passwords are switched off. Invite the operator, or name the address in CLICKKER_BREAK_GLASS.")
        )
    check_password(password, folded, folded.split("@")[0], shown)
    return add_with_hash(app, folded, shown, role, hash_password(password), language)


def add_with_hash(  # noqa: PLR0917 - as above
    app: Application, folded: str, shown: str, role: Role, password_hash: str, language: str | None = None
) -> int:
    """The same once everything has been checked; the demo's people have a password that nobody may choose."""
    operator = Operator(
        email=folded,
        name=shown,
        role=Role(role).value,
        language=language if language in LANGUAGES else None,
        password_hash=password_hash,
        created_at=now(),
    )
    with app.database.transaction() as session:
        add_row(session, operator)
        record(session, Event.OPERATOR_ADDED, None, on=audited(operator.id, folded), detail=operator.role)
        return operator.id


def set_role(app: Application, by: CurrentOperator | None, operator_id: int, role: Role) -> None:
    """Give another role; the operator signs in anew. ``by`` is None on the command line.

    Raises ``Conflict`` for the last admin.
    """
    _require(by)
    with app.database.transaction() as session:
        operator = locked_operator(session, operator_id)
        if operator.role == role:
            return
        keep_an_admin(session, app.settings, operator)
        change = f"{operator.role} → {Role(role).value}"
        operator.role = Role(role).value
        end_all_sessions(session, operator.id)
        record(
            session, Event.OPERATOR_ROLE_CHANGED, by, on=audited(operator.id, operator.email), detail=change
        )


def disable(app: Application, by: CurrentOperator | None, operator_id: int) -> None:
    """Let somebody in no longer, at once; links they were sent stay dead. Raises ``Conflict`` for the last admin."""
    _require(by)
    with app.database.transaction() as session:
        operator = locked_operator(session, operator_id)
        keep_an_admin(session, app.settings, operator)
        operator.active = False
        revoke_open(session, operator.id)
        end_all_sessions(session, operator.id)
        record(session, Event.OPERATOR_DISABLED, by, on=audited(operator.id, operator.email))


def enable(app: Application, by: CurrentOperator | None, operator_id: int) -> None:
    """Let somebody in again, with the password of before."""
    _require(by)
    with app.database.transaction() as session:
        operator = locked_operator(session, operator_id)
        operator.active = True
        record(session, Event.OPERATOR_ENABLED, by, on=audited(operator.id, operator.email))


def rename(app: Application, by: CurrentOperator, operator_id: int, name: str) -> None:
    """Change somebody's name: one's own, or as an admin anybody's. Raises ``InvalidInput`` for an odd one."""
    if by.id != operator_id:
        require(by, Action.MANAGE_OPERATORS)
    shown = check_name(name)
    with app.database.transaction() as session:
        operator = locked_operator(session, operator_id)
        if operator.name == shown:
            return
        change = f"{operator.name} → {shown}"
        operator.name = shown
        # Their registrations sort by it: the keeper settles them anew, batch by batch, within seconds.
        owned = update(Registration).where(Registration.owner_id == operator.id)
        session.execute(owned.values(status_until=now()).execution_options(synchronize_session=False))
        record(session, Event.OPERATOR_RENAMED, by, on=audited(operator.id, operator.email), detail=change)


def set_language(app: Application, by: CurrentOperator, code: str) -> None:
    """Choose the language of one's own screens."""
    if code not in LANGUAGES:
        raise InvalidInput(_("This language is not available."), "language")
    with app.database.transaction() as session:
        operator = session.get(Operator, by.id)
        if operator is None:
            raise NotFound(_("There is no such operator."))
        operator.language = code


def _require(by: CurrentOperator | None) -> None:
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)
