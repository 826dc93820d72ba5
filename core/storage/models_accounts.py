"""The tables of who may come in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Double, ForeignKey, Index, String, Text
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


class Knock(Base):
    """How often somebody has knocked at an open door; see ``core.accounts.knocks``."""

    __tablename__ = "knocks"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    free_at: Mapped[float] = mapped_column(Double)
    """Seconds since 1970 (UTC) at which the bucket will have run empty."""

    __table_args__ = (Index("ix_knocks_free_at", "free_at"),)
