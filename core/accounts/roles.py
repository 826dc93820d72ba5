"""Roles, actions, and the one table that says which role may do what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import NotAllowed
from core.i18n import N_, _


class Role(StrEnum):
    SUPPORT = "support"
    ACCOUNT_MANAGER = "account_manager"
    ADMIN = "admin"


class Action(StrEnum):
    VIEW = "view"
    EXPORT = "export"
    REGISTER = "register"
    """Create a registration, edit its name and connection setting, connect, link administrations."""
    CHECK = "check"
    EDIT_NOTE = "edit_note"
    """Edit note, reference and owner."""
    DISCONNECT = "disconnect"
    DELETE = "delete"
    MANAGE_OPERATORS = "manage_operators"
    ALARMS = "alarms"
    """See who was told of what, send a test, try again."""
    AUDIT = "audit"
    """See, verify and export the audit log."""
    ROTATE_KEYS = "rotate_keys"
    """Encrypt everything anew under a new key."""


_SEES = {Action.VIEW, Action.EXPORT, Action.EDIT_NOTE}
_SUPPORTS = _SEES | {Action.REGISTER, Action.CHECK, Action.DISCONNECT, Action.DELETE, Action.ALARMS}
PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.SUPPORT: frozenset(_SUPPORTS),
    Role.ACCOUNT_MANAGER: frozenset(_SEES),
    Role.ADMIN: frozenset(Action),
}


ROLES: tuple[Role, ...] = tuple(Role)
ROLE_NAMES = {
    Role.SUPPORT: N_("Support"),
    Role.ACCOUNT_MANAGER: N_("Account manager"),
    Role.ADMIN: N_("Admin"),
}


def role_name(role: Role) -> str:
    """The role as screens say it."""
    return _(ROLE_NAMES[role])


@dataclass(frozen=True)
class CurrentOperator:
    """Whoever is signed in, as every use case is told."""

    id: int
    email: str
    name: str
    role: Role
    language: str | None = None
    session_id: int | None = None
    """The signed-in session that asks; None for whoever works on the command line."""
    address: str = ""
    """Where the session's browser is now, for the audit log."""

    def may(self, action: Action) -> bool:
        return action in PERMISSIONS[self.role]


def require(operator: CurrentOperator, action: Action) -> None:
    """Raise ``NotAllowed`` unless the operator's role permits the action."""
    if not operator.may(action):
        message = _("Your role does not allow this. Ask an admin of Clickker Connections.")
        raise NotAllowed(message, operator, action.value)
