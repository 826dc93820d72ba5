"""The tables. Facts are stored; a status is derived from them and kept beside them so that SQL can sort by it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from core.storage.base import Base, UTCDateTime, folded, new_uuid
from core.storage.models_accounts import (
    Invitation,
    Knock,
    Operator,
    OperatorIdentity,
    OperatorSession,
    ProviderVisit,
    RecoveryCode,
    SecondFactor,
    SecondStep,
    SignInFailure,
    SignInTicket,
    UnsavedWork,
)
from core.storage.models_audit import AuditEntry, AuditHead
from core.storage.models_counters import Counter
from core.storage.models_keeping import Alarm, CallBudget, Delivery, Grant, Incident, Issue, RefusedCall
from core.text import fold

__all__ = [
    "Administration",
    "Alarm",
    "AuditEntry",
    "AuditHead",
    "Base",
    "CallBudget",
    "Consent",
    "Counter",
    "CustomerLink",
    "Delivery",
    "Grant",
    "Incident",
    "Invitation",
    "Issue",
    "Knock",
    "Operator",
    "OperatorIdentity",
    "OperatorSession",
    "ProviderVisit",
    "RecoveryCode",
    "RefusedCall",
    "Registration",
    "SecondFactor",
    "SecondStep",
    "SignInFailure",
    "SignInTicket",
    "TimelineEntry",
    "UTCDateTime",
    "UnsavedWork",
    "new_uuid",
]

REFERENCE_KEY_LENGTH = 100

# --- Registrations ---------------------------------------------------------------------------------------


class Registration(Base):
    """One customer's connection to one Exact Online environment.

    The columns under "copied" repeat facts of the grant and the administrations, and the status derived from
    them, so that lists filter and sort in SQL. ``core.registrations.status.settle`` writes them.
    """

    __tablename__ = "registrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(folded(200))
    """Folded for comparing, sorting and searching."""
    environment: Mapped[str] = mapped_column(String(5))
    active: Mapped[bool] = mapped_column(default=True)
    """The connection setting."""
    reference: Mapped[str] = mapped_column(String(50), default="")
    reference_key: Mapped[str] = mapped_column(folded(100), default="", server_default="")
    """Folded as the name is, for searching; it follows the reference by itself."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id", ondelete="SET NULL"))
    note: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    submitted_at: Mapped[datetime | None]
    """None while a draft."""
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id", ondelete="SET NULL"), index=True)
    candidate_grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id", ondelete="SET NULL"))
    """A new consent by another Exact user, in wait for an operator's word."""
    completed_at: Mapped[datetime | None]
    """When administrations were first saved."""
    disconnected_at: Mapped[datetime | None]

    last_checked_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    """Never erased by a failure."""
    last_failure_at: Mapped[datetime | None]
    last_failure_kind: Mapped[str | None] = mapped_column(String(30))
    last_failure_message: Mapped[str | None] = mapped_column(String(500))
    next_check_at: Mapped[datetime | None]
    """When the keeper looks next; None where there is nothing to look at."""
    check_until: Mapped[datetime | None]
    """A keeper is at it until then at the latest."""

    # Copied
    status: Mapped[str] = mapped_column(String(25))
    status_reason: Mapped[str] = mapped_column(String(40), default="")
    status_until: Mapped[datetime | None]
    """When the status stops holding by the mere passing of time."""
    lapses_at: Mapped[datetime | None]
    administrations_linked: Mapped[int] = mapped_column(default=0)
    owner_key: Mapped[str] = mapped_column(folded(200), default="")
    """The owner's name, folded: the list sorts by it in one index. Empty without an owner."""

    @validates("reference")
    def _fold_reference(self, _name: str, reference: str) -> str:
        self.reference_key = fold(reference)[:REFERENCE_KEY_LENGTH]
        return reference

    # Every filter of the list serves its rows by name, every other sort has the id to settle ties.
    __table_args__ = (
        Index("ix_registrations_name", "name_key", "id"),
        Index("ix_registrations_status", "status", "name_key", "id"),
        Index("ix_registrations_environment", "environment", "name_key", "id"),
        Index("ix_registrations_active", "active", "name_key", "id"),
        Index("ix_registrations_owner", "owner_id", "name_key", "id"),
        Index("ix_registrations_owner_status", "owner_id", "status", "name_key", "id"),
        Index("ix_registrations_owner_lapses", "owner_id", "lapses_at", "id"),
        Index("ix_registrations_owner_key", "owner_key", "name_key", "id"),
        Index("ix_registrations_linked", "administrations_linked", "id"),
        Index("ix_registrations_checked", "last_checked_at", "id"),
        Index("ix_registrations_success", "last_success_at", "id"),
        Index("ix_registrations_lapses", "lapses_at", "id"),
        Index("ix_registrations_due", "status_until"),
        Index("ix_registrations_check", "next_check_at"),
        Index("ix_registrations_candidate", "candidate_grant_id"),
        Index("ix_registrations_created_by", "created_by"),
        Index(
            "uq_registrations_name",
            "environment",
            "name_key",
            unique=True,
            sqlite_where=text("submitted_at IS NOT NULL"),
            postgresql_where=text("submitted_at IS NOT NULL"),
        ),
    )


class Administration(Base):
    """A division at Exact as last seen through a registration's grant; linked when chosen here."""

    __tablename__ = "administrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registrations.id", ondelete="CASCADE"))
    environment: Mapped[str] = mapped_column(String(5))
    code: Mapped[int]
    """Division code: unique only together with the environment; may be above 10,000,000."""
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(folded(400))
    customer_name: Mapped[str] = mapped_column(String(200), default="")
    country: Mapped[str] = mapped_column(String(3), default="")
    currency: Mapped[str] = mapped_column(String(3), default="")
    vat_number: Mapped[str] = mapped_column(String(40), default="")
    exact_status: Mapped[int] = mapped_column(default=1)
    """0 inactive, 1 active, 2 archived (system/Divisions)."""
    blocking_status: Mapped[int] = mapped_column(default=0)
    """0 not blocked; else a backup, conversion or copy is busy."""
    permitted: Mapped[bool] = mapped_column(default=True)
    """Whether the last reading of system/Divisions held it."""
    user_sees: Mapped[bool | None]
    """Whether the Exact user reaches it, permitted to us or not; None where Exact does not tell."""
    linked: Mapped[bool] = mapped_column(default=False)
    linked_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_failure_kind: Mapped[str | None] = mapped_column(String(30))
    last_failure_message: Mapped[str | None] = mapped_column(String(500))
    found_at: Mapped[datetime | None]
    """When Exact first showed it here; later than the consent means new since."""
    seen_at: Mapped[datetime]

    # Copied from the registration, so that the list of a million rows filters in one index.
    status: Mapped[str] = mapped_column(String(25), default="")
    owner_id: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)
    owner_key: Mapped[str] = mapped_column(folded(200), default="")
    registration_key: Mapped[str] = mapped_column(folded(200), default="")
    """The registration's folded name, to sort by."""

    # "linked" stands first instead of making them partial: SQLite then answers out of the index alone.
    __table_args__ = (
        Index("ix_administrations_name", "linked", "name_key", "id"),
        Index("ix_administrations_status", "linked", "status", "name_key", "id"),
        Index("ix_administrations_environment", "linked", "environment", "name_key", "id"),
        Index("ix_administrations_active", "linked", "active", "name_key", "id"),
        Index("ix_administrations_owner", "linked", "owner_id", "name_key", "id"),
        Index("ix_administrations_owner_key", "linked", "owner_key", "id"),
        Index("ix_administrations_registration_key", "linked", "registration_key", "id"),
        Index("ix_administrations_code", "linked", "code", "id"),
        Index("ix_administrations_country", "linked", "country", "id"),
        Index("ix_administrations_currency", "linked", "currency", "id"),
        Index("ix_administrations_success", "linked", "last_success_at", "id"),
        Index("uq_administrations_registration", "registration_id", "code", unique=True),
        Index(
            "uq_administrations_linked",
            "environment",
            "code",
            unique=True,
            sqlite_where=text("linked"),
            postgresql_where=text("linked"),
        ),
    )


class TimelineEntry(Base):
    """Something that happened to a registration: who, what and why. Never changed."""

    __tablename__ = "timeline"

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registrations.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    """The operator's name, 'customer', 'exact' or 'clickker'."""
    kind: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_timeline_registration", "registration_id", "id"),)


# --- Consent and tokens ----------------------------------------------------------------------------------


class Consent(Base):
    """One attempt to get a customer's consent at Exact: bound to browser, operator or link, and registration."""

    __tablename__ = "consents"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    registration_id: Mapped[int] = mapped_column(
        ForeignKey("registrations.id", ondelete="CASCADE"), index=True
    )
    environment: Mapped[str] = mapped_column(String(5))
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id", ondelete="SET NULL"))
    link_id: Mapped[int | None] = mapped_column(
        ForeignKey("customer_links.id", ondelete="SET NULL"), index=True
    )
    state_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    browser_hash: Mapped[str | None] = mapped_column(String(64))
    verifier: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The PKCE verifier, encrypted."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(40), default="")
    """'' while open; then 'granted' or why not (``core.registrations.outcomes.Outcome``). With ``used_at`` still empty:
    what Exact reported without a state, which uses none up."""
    turned_away: Mapped[str] = mapped_column(String(300), default="")
    """Why returns for it were not taken, each once: so often it was told to the audit log."""

    __table_args__ = (
        Index(
            "ix_consents_exchanging",
            "used_at",
            sqlite_where=text("outcome = 'exchanging'"),
            postgresql_where=text("outcome = 'exchanging'"),
        ),
    )


class CustomerLink(Base):
    """A single-use link by which the customer gives consent without signing in here."""

    __tablename__ = "customer_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(
        ForeignKey("registrations.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
