"""What each event, outcome and actor of the audit log is called."""

from __future__ import annotations

from core.audit.events import Event
from core.audit.listing import AuditRow
from core.i18n import N_, _

EVENTS: dict[str, str] = {
    "action.refused": N_("Tried something their role does not allow"),
    "administrations.linked": N_("Changed the linked administrations"),
    "administrations.read": N_("Read the administrations again"),
    "alarm.retried": N_("Tried to send alarms again"),
    "alarm.tested": N_("Sent a test alarm"),
    "audit.verified": N_("Verified the audit log"),
    "candidate.accepted": N_("Took over the new Exact login"),
    "candidate.rejected": N_("Set the new Exact login aside"),
    "check.requested": N_("Asked for a check"),
    "confirmation.failed": N_("Failed to confirm who they are"),
    "confirmation.given": N_("Confirmed who they are"),
    "consent.failed": N_("Consent did not succeed"),
    "consent.granted": N_("Gave consent at Exact Online"),
    "consent.started": N_("Went to Exact Online for consent"),
    "customer_link.created": N_("Made a link for the customer"),
    "customer_link.opened": N_("Opened the link for the customer"),
    "customer_link.revoked": N_("Withdrew the link for the customer"),
    "database.seeded": N_("Filled the database with made-up registrations"),
    "database.upgraded": N_("Upgraded the database"),
    "draft.begun": N_("Began a registration"),
    "draft.discarded": N_("Discarded a draft"),
    "export.begun": N_("Began an export"),
    "export.ended": N_("Export ended"),
    "identity.bound": N_("Bound a sign-in of the identity provider"),
    "identity.unbound": N_("Unbound a sign-in of the identity provider"),
    "identity.used": N_("Came back from the identity provider"),
    "invitation.revoked": N_("Withdrew an invitation"),
    "invitation.used": N_("Used an invitation"),
    "issue.snoozed": N_("Silenced an issue"),
    "keys.forgotten": N_("Retired an old encryption key"),
    "keys.rotated": N_("Changed the encryption key"),
    "operator.added": N_("Added an operator"),
    "operator.disabled": N_("Disabled an operator"),
    "operator.enabled": N_("Enabled an operator"),
    "operator.invited": N_("Invited an operator"),
    "operator.renamed": N_("Changed an operator's name"),
    "operator.reset": N_("Made a link for a new password"),
    "operator.role_changed": N_("Changed an operator's role"),
    "password.changed": N_("Changed a password"),
    "recovery_code.used": N_("Used a recovery code"),
    "recovery_codes.made": N_("Made recovery codes"),
    "registration.activated": N_("Set a registration to active"),
    "registration.created": N_("Registered a customer"),
    "registration.deleted": N_("Deleted a registration"),
    "registration.disconnected": N_("Disconnected a registration"),
    "registration.edited": N_("Changed a registration"),
    "registration.paused": N_("Paused a registration"),
    "second_factor.off": N_("Switched the second step off"),
    "second_factor.on": N_("Switched the second step on"),
    "session.ended": N_("Ended a session"),
    "sign_in": N_("Signed in"),
    "sign_out": N_("Signed out"),
    "tokens.recovered": N_("Brought consents to their newest tokens"),
}
OUTCOMES = {"done": N_("Done"), "refused": N_("Refused"), "failed": N_("Failed")}
ACTORS = {"customer": N_("The customer"), "visitor": N_("Nobody signed in"), "shell": N_("Command line")}
KINDS = {
    "registration": N_("Registration {rest}"),
    "registrations": N_("Registrations {rest}"),
    "operator": N_("Operator {rest}"),
    "key": N_("Key {rest}"),
    "alarm": N_("Alarm {rest}"),
}
SUBJECTS = {
    "nobody who is known": N_("Nobody who is known here"),
    # what was refused (core.accounts.roles.Action)
    "view": N_("Look"),
    "export": N_("Export"),
    "register": N_("Register"),
    "check": N_("Check"),
    "edit_note": N_("Change note, reference or owner"),
    "disconnect": N_("Disconnect"),
    "delete": N_("Delete"),
    "manage_operators": N_("Manage operators"),
    "alarms": N_("Alarms"),
    "audit": N_("Audit"),
    "rotate_keys": N_("Change the encryption key"),
    # what a browser went to the identity provider for (core.accounts.sso.Purpose)
    "sign_in": N_("Sign in"),
    "invitation": N_("Invitation"),
    "connect": N_("Connect an account"),
    "confirm": N_("Confirm who they are"),
}


def event_word(event: str) -> str:
    """A few words; the bare name of an event of a later version."""
    return _(EVENTS[event]) if event in EVENTS else event


def outcome_word(outcome: str) -> str:
    return _(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome


def actor_word(row: AuditRow) -> str:
    """Who did it, as they were called then."""
    if row.event == Event.CUSTOMER_LINK_OPENED:
        return _("Somebody with the link")
    if row.actor_id is None and row.actor_name in ACTORS:
        return _(ACTORS[row.actor_name])
    return row.actor_name


def subject_words(subject: str) -> str:
    """On what: its kind in the reader's language, its number and name as they were."""
    if subject in SUBJECTS:
        return _(SUBJECTS[subject])
    kind, _blank, rest = subject.partition(" ")
    return _(KINDS[kind]).format(rest=rest) if kind in KINDS else subject
