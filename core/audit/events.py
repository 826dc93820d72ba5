"""What the audit log knows of, one name for each thing that somebody can do."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Named as *thing.done*, sorted."""

    ACTION_REFUSED = "action.refused"
    ADMINISTRATIONS_LINKED = "administrations.linked"
    ADMINISTRATIONS_READ = "administrations.read"
    ALARM_RETRIED = "alarm.retried"
    ALARM_TESTED = "alarm.tested"
    AUDIT_VERIFIED = "audit.verified"
    CANDIDATE_ACCEPTED = "candidate.accepted"
    CANDIDATE_REJECTED = "candidate.rejected"
    CHECK_REQUESTED = "check.requested"
    CONSENT_FAILED = "consent.failed"
    CONSENT_GRANTED = "consent.granted"
    CONSENT_STARTED = "consent.started"
    CUSTOMER_LINK_CREATED = "customer_link.created"
    CUSTOMER_LINK_OPENED = "customer_link.opened"
    CUSTOMER_LINK_REVOKED = "customer_link.revoked"
    DATABASE_SEEDED = "database.seeded"
    DATABASE_UPGRADED = "database.upgraded"
    DRAFT_BEGUN = "draft.begun"
    DRAFT_DISCARDED = "draft.discarded"
    EXPORT_BEGUN = "export.begun"
    EXPORT_ENDED = "export.ended"
    ISSUE_SNOOZED = "issue.snoozed"
    OPERATOR_DISABLED = "operator.disabled"
    OPERATOR_ENABLED = "operator.enabled"
    OPERATOR_INVITED = "operator.invited"
    OPERATOR_ROLE_CHANGED = "operator.role_changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    REGISTRATION_ACTIVATED = "registration.activated"
    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_DELETED = "registration.deleted"
    REGISTRATION_DISCONNECTED = "registration.disconnected"
    REGISTRATION_EDITED = "registration.edited"
    REGISTRATION_PAUSED = "registration.paused"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    TOKENS_RECOVERED = "tokens.recovered"
