"""What the audit log knows of, one name for each thing that somebody can do."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Named as *thing.done*, sorted."""

    ACTION_REFUSED = "action.refused"
    KEYS_FORGOTTEN = "keys.forgotten"
    KEYS_ROTATED = "keys.rotated"
    OPERATOR_DISABLED = "operator.disabled"
    OPERATOR_ENABLED = "operator.enabled"
    OPERATOR_INVITED = "operator.invited"
    OPERATOR_ROLE_CHANGED = "operator.role_changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    REGISTRATION_DELETED = "registration.deleted"
    REGISTRATION_DISCONNECTED = "registration.disconnected"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
