"""The tables of who may come in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.base import Base


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
    expires_at: Mapped[datetime] = mapped_column(index=True)
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
    confirmed_at: Mapped[datetime | None]
    """When somebody last proved here to be the operator; a sign-in that is not by password leaves it unset."""
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
    confirmed: Mapped[bool] = mapped_column(default=False)
    """Whether the session that comes of it begins confirmed."""

    __table_args__ = (Index("ix_sign_in_tickets_browser", "operator_id", "browser_hash"),)


class OperatorIdentity(Base):
    """An account at the provider that signs an operator in. Never matched by e-mail address: those are given anew."""

    __tablename__ = "operator_identities"

    id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    bound_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("issuer", "subject", name="uq_operator_identities_issuer_subject"),)


class ProviderVisit(Base):
    """A browser that we sent to the provider, and what for; gone as soon as it is back. One a browser."""

    __tablename__ = "provider_visits"

    browser_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(10))
    """'sign_in', 'invitation', 'connect' or 'confirm'."""
    target: Mapped[str] = mapped_column(Text)
    """Path and query to go to afterwards; always on this host."""
    state_hash: Mapped[str | None] = mapped_column(String(64))
    """Of the state that the provider gives back; None until the browser has left."""
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id", ondelete="CASCADE"))
    session_id: Mapped[int | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


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


class SecondFactor(Base):
    """An operator's authenticator app (RFC 6238): the secret it shares with us, sealed by the vault."""

    __tablename__ = "second_factors"

    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Bound to this table, this column and the operator's id."""
    begun_at: Mapped[datetime]
    begun_in: Mapped[int | None]
    """The session that may see the secret while it is being set up."""
    on_since: Mapped[datetime | None]
    """None until a code has proved that the app has the secret: it counts for nothing before."""
    last_step: Mapped[int] = mapped_column(default=0)
    """The thirty seconds of the last code that was taken; no code of these or earlier is taken again."""


class RecoveryCode(Base):
    """What stands in for a code of a lost app, once. 80 random bits, of which the hash is kept."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_recovery_codes_code", "operator_id", "code_hash", unique=True),)


class SecondStep(Base):
    """Five minutes in which somebody whose password was right gives the code, in the browser that gave the password."""

    __tablename__ = "second_steps"

    browser_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of the browser's cookie, as with tickets: nothing of this is in the page, its address or its state."""
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Knock(Base):
    """How often somebody has knocked at an open door; see ``core.accounts.knocks``."""

    __tablename__ = "knocks"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    free_at: Mapped[float] = mapped_column(Double)
    """Seconds since 1970 (UTC) at which the bucket will have run empty."""

    __table_args__ = (Index("ix_knocks_free_at", "free_at"),)


class UnsavedWork(Base):
    """What an operator has ticked or typed for a registration and not saved: it outlives tab and session."""

    __tablename__ = "unsaved_work"

    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True)
    registration_id: Mapped[int] = mapped_column(
        ForeignKey("registrations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    place: Mapped[str] = mapped_column(String(20), primary_key=True)
    """'ticks' or 'details'."""
    content: Mapped[dict[str, Any]]
    kept_at: Mapped[datetime] = mapped_column(index=True)
