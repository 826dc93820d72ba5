"""What the audit log knows of, one name for each thing that somebody can do."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Named as *thing.done*, sorted."""

    ACTION_REFUSED = "action.refused"
    CONFIRMATION_FAILED = "confirmation.failed"
    CONFIRMATION_GIVEN = "confirmation.given"
    IDENTITY_BOUND = "identity.bound"
    IDENTITY_UNBOUND = "identity.unbound"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_USED = "invitation.used"
    OPERATOR_ADDED = "operator.added"
    OPERATOR_DISABLED = "operator.disabled"
    OPERATOR_ENABLED = "operator.enabled"
    OPERATOR_INVITED = "operator.invited"
    OPERATOR_RENAMED = "operator.renamed"
    OPERATOR_RESET = "operator.reset"
    OPERATOR_ROLE_CHANGED = "operator.role_changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    PASSWORD_CONFIRMED = "password.confirmed"  # noqa: S105 - a name
    RECOVERY_CODES_MADE = "recovery_codes.made"
    RECOVERY_CODE_USED = "recovery_code.used"
    REGISTRATION_DELETED = "registration.deleted"
    REGISTRATION_DISCONNECTED = "registration.disconnected"
    SECOND_FACTOR_OFF = "second_factor.off"
    SECOND_FACTOR_ON = "second_factor.on"
    SESSION_ENDED = "session.ended"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
