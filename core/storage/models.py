"""The tables. Facts are stored; a status is derived from them and kept beside them so that SQL can sort by it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; naive UTC in SQLite, timestamptz in PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ANN401
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ANN401
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")


def folded(length: int) -> TypeEngine[str]:
    """Text in the order of its code points on both databases: lists sort alike, and a prefix is an index range."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def new_uuid() -> str:
    """A random row id that is known before the row is written: ciphertexts are bound to it."""
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, int: Id}


# --- Who may come in -------------------------------------------------------------------------------------


class Operator(Base):
    """Somebody of Clickker's who may sign in."""

    __tablename__ = "operators"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """Lower case; the name to sign in with."""
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(2))
    password_hash: Mapped[str | None] = mapped_column(String(100))
    """bcrypt; None until the invitation has been used."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]


class Invitation(Base):
    """A single-use link to create an account or to set a new password; only its hash is kept."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(10))
    """'invite' or 'reset'."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OperatorSession(Base):
    """A signed-in browser. The cookie holds a random token, the row its hash."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_active_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64), default="")
    browser: Mapped[str] = mapped_column(String(200), default="")


class SignInTicket(Base):
    """Thirty seconds in which a good sign-in becomes a cookie (design.md, section 2, fact 4)."""

    __tablename__ = "sign_in_tickets"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"))
    browser_hash: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(Text)
    """Path and query to go to afterwards; always on this host."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_sign_in_tickets_browser", "operator_id", "browser_hash"),)


class SignInFailure(Base):
    """One wrong password; lock-out counts these per account and per address."""

    __tablename__ = "sign_in_failures"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_hash: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    browser_hash: Mapped[str] = mapped_column(String(64), default="")
    """Of a browser that signed in to this account before: it is counted by itself. Else ''."""
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_sign_in_failures_account", "account_hash", "at"),
        Index("ix_sign_in_failures_address", "address", "at"),
        Index("ix_sign_in_failures_at", "at"),
    )


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

    # Copied
    status: Mapped[str] = mapped_column(String(25))
    status_reason: Mapped[str] = mapped_column(String(40), default="")
    status_until: Mapped[datetime | None]
    """When the status stops holding by the mere passing of time."""
    lapses_at: Mapped[datetime | None]
    administrations_linked: Mapped[int] = mapped_column(default=0)
    owner_key: Mapped[str] = mapped_column(folded(200), default="")
    """The owner's name, folded: the list sorts by it in one index. Empty without an owner."""

    # Every filter of the list serves its rows by name, every other sort has the id to settle ties.
    __table_args__ = (
        Index("ix_registrations_name", "name_key", "id"),
        Index("ix_registrations_status", "status", "name_key", "id"),
        Index("ix_registrations_environment", "environment", "name_key", "id"),
        Index("ix_registrations_active", "active", "name_key", "id"),
        Index("ix_registrations_owner", "owner_id", "name_key", "id"),
        Index("ix_registrations_owner_key", "owner_key", "name_key", "id"),
        Index("ix_registrations_linked", "administrations_linked", "id"),
        Index("ix_registrations_checked", "last_checked_at", "id"),
        Index("ix_registrations_success", "last_success_at", "id"),
        Index("ix_registrations_lapses", "lapses_at", "id"),
        Index("ix_registrations_due", "status_until"),
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
    linked: Mapped[bool] = mapped_column(default=False)
    linked_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure_kind: Mapped[str | None] = mapped_column(String(30))
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


class Counter(Base):
    """A figure of the overview, kept in the transaction that changes it: counting a million rows is dear."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    """'status:connected', 'administrations' ..."""
    value: Mapped[int] = mapped_column(default=0)


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
    link_id: Mapped[int | None] = mapped_column(ForeignKey("customer_links.id", ondelete="SET NULL"))
    state_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    browser_hash: Mapped[str | None] = mapped_column(String(64))
    verifier: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The PKCE verifier, encrypted."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(40), default="")
    """'' while open; then 'granted' or why not (``core.registrations.consent.Outcome``)."""


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
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Grant(Base):
    """One live chain of tokens per (environment, client id, Exact user); several registrations may hang on it."""

    __tablename__ = "grants"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    environment: Mapped[str] = mapped_column(String(5))
    client_id: Mapped[str] = mapped_column(String(100))
    exact_user_id: Mapped[str | None] = mapped_column(String(36))
    """None until Me has told who came back."""
    user_name: Mapped[str] = mapped_column(String(200), default="")
    full_name: Mapped[str] = mapped_column(String(200), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    current_division: Mapped[int | None]
    """Only a number to put into the address of system/Divisions; never "the chosen administration"."""
    live: Mapped[bool] = mapped_column(default=False)
    """False while a candidate, and again once superseded."""
    created_at: Mapped[datetime]

    access_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_expires_at: Mapped[datetime | None]
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """HMAC of the refresh token: which token a row holds, without showing it."""
    version: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None]
    """When the present pair was received; the 570 s and the 30 days run from here."""

    lease_owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[datetime | None]
    intent_fingerprint: Mapped[str | None] = mapped_column(String(64))
    intent_at: Mapped[datetime | None]

    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_failure_kind: Mapped[str | None] = mapped_column(String(30))
    last_failure_message: Mapped[str | None] = mapped_column(String(500))
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    refused_since: Mapped[datetime | None]
    """When the present run of definite refusals began."""
    refusals: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)

    __table_args__ = (
        Index(
            "uq_grants_live",
            "environment",
            "client_id",
            "exact_user_id",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
    )
