"""The tables of what keeps connections alive: chains of tokens, what is wrong, and how often Exact was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.base import Base, new_uuid


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
    """False while a candidate, and where a pair is only set aside (``core.tokens.chains``)."""
    created_at: Mapped[datetime]

    access_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_expires_at: Mapped[datetime | None]
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    fingerprint: Mapped[str | None] = mapped_column(String(64), index=True)
    """HMAC of the refresh token: which token a row holds, without showing it."""
    version: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None]
    """When the present pair was received; the 570 s and the 30 days run from here."""
    chain_began_at: Mapped[datetime | None]
    """When the consent was received that the present chain began with; later than of any chain received before
    (``core.tokens.chains``). A refresh leaves it as it is."""
    chain_after: Mapped[datetime | None]
    """The latest ``chain_began_at`` there was when its code was handed in; None where that is not known."""

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
    error_moments: Mapped[list[float]] = mapped_column(JSON, default=list)
    """The last error answers of Exact's token address, as seconds since 1970: at most four an hour are risked."""
    keep_alive_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the refresh token has rested long enough and is spent to keep the consent alive."""
    followed: Mapped[str] = mapped_column(String(100), default="")
    """How it was when the registrations that hang on it were last settled (``core.tokens.facts.followed``)."""
    identify_at: Mapped[datetime | None]
    """Until Exact has said whose the tokens are: not asked before then. None where it was not asked yet."""
    identify_failures: Mapped[int] = mapped_column(default=0)
    """How often in a row Exact did not say."""

    __table_args__ = (
        Index(
            "ix_grants_unidentified",
            "id",
            sqlite_where=text("exact_user_id IS NULL"),
            postgresql_where=text("exact_user_id IS NULL"),
        ),
        Index("ix_grants_chain", "chain_began_at"),
        Index(
            "ix_grants_aside",
            "exact_user_id",
            sqlite_where=text("live = 0 AND exact_user_id IS NOT NULL"),
            postgresql_where=text("NOT live AND exact_user_id IS NOT NULL"),
        ),
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


class Issue(Base):
    """Something that is or was wrong with a registration; it stays when it has been mended."""

    __tablename__ = "issues"

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registrations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    """``core.registrations.issues.IssueKind``."""
    code: Mapped[int] = mapped_column(default=0)
    """The administration it concerns; 0 for the whole registration."""
    message: Mapped[str] = mapped_column(String(500), default="")
    """Exact's own words, neutralised."""
    level: Mapped[int] = mapped_column(default=0)
    """How far it has gone, where it has steps: the days that were left (14, 7, 3) when somebody was last told."""
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str] = mapped_column(String(100), default="")
    snoozed_until: Mapped[datetime | None]
    snoozed_by: Mapped[str] = mapped_column(String(100), default="")
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("ix_issues_registration", "registration_id", "id"),
        Index("ix_issues_open", "resolved_at", "first_seen_at", "id"),
        Index("ix_issues_incident", "incident_id"),
        Index(
            "ix_issues_snoozed",
            "snoozed_until",
            sqlite_where=text("snoozed_until IS NOT NULL"),
            postgresql_where=text("snoozed_until IS NOT NULL"),
        ),
        Index(
            "uq_issues_open",
            "registration_id",
            "kind",
            "code",
            unique=True,
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )


class Incident(Base):
    """Several logins of one environment began to fail alike within minutes: told once, not for each of them."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(String(5))
    kind: Mapped[str] = mapped_column(String(30))
    """The ``FailureKind`` that most of them had."""
    family: Mapped[str] = mapped_column(String(10), default="outage")
    """The family of that kind (``core.exact.kinds.Family``): one incident of each can be open."""
    opened_at: Mapped[datetime]
    last_failure_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    """Checks made while it is open, each later than the one before."""
    next_check_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_incidents_opened", "opened_at"),
        Index(
            "uq_incidents_open",
            "environment",
            "family",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )


class CallBudget(Base):
    """How often Exact was asked in one administration, this minute and today, and how often it may be."""

    __tablename__ = "call_budgets"

    environment: Mapped[str] = mapped_column(String(5), primary_key=True)
    code: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Division code; 0 for calls without one (current/Me)."""
    minute_ends_at: Mapped[datetime]
    minute_left: Mapped[int]
    day_ends_at: Mapped[datetime] = mapped_column(index=True)
    day_left: Mapped[int]
    minute_limit: Mapped[int]
    day_limit: Mapped[int]
    """As Exact's headers said last, else the settings."""
    error_moments: Mapped[list[float]] = mapped_column(JSON, default=list)
    """The error answers of the last hour, as seconds since 1970: Exact blocks an app after ten."""
    blocked_until: Mapped[datetime | None]
    """Not asked before then: enough errors within an hour, or a refusal that did not say until when."""


class RefusedCall(Base):
    """Something that Exact has refused us and that we can do without: not asked again before ``until``."""

    __tablename__ = "refused_calls"

    environment: Mapped[str] = mapped_column(String(5), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    resource: Mapped[str] = mapped_column(String(60), primary_key=True)
    """As the setting names it, ``system/AllDivisions``."""
    login: Mapped[str] = mapped_column(String(36), primary_key=True)
    """The grant that was refused; '' when it is our app that may not ask."""
    until: Mapped[datetime]

    __table_args__ = (Index("ix_refused_calls_until", "until"),)


class ReadPage(Base):
    """One page of a list of Exact's that is being read: so whoever goes on, goes on where it stopped.

    No foreign keys: it is written beside the transactions that lock those rows, and gone within hours.
    """

    __tablename__ = "read_pages"

    reading_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """One pass through the list."""
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 0."""
    registration_id: Mapped[int]
    grant_id: Mapped[str] = mapped_column(String(36))
    resource: Mapped[str] = mapped_column(String(60))
    """``system/Divisions``, or what the setting names for what the user sees."""
    following: Mapped[str] = mapped_column(Text)
    """The address of the next page, without anything but OData's own options; '' after the last."""
    count: Mapped[int]
    rows: Mapped[list[list[Any]]] = mapped_column(JSON)
    """The fields of each ``core.exact.rows.Division``, in their order."""
    whole: Mapped[bool]
    """Whether all rows of the page could be read."""
    read_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_read_pages_registration", "registration_id", "grant_id"),
        Index("ix_read_pages_grant", "grant_id"),
        Index("ix_read_pages_read_at", "read_at"),
    )


class Alarm(Base):
    """Something that somebody has to be told: written with the fact that it tells of, delivered afterwards."""

    __tablename__ = "alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """``core.alarms.outbox.AlarmKind``."""
    environment: Mapped[str] = mapped_column(String(5), default="")
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registrations.id", ondelete="CASCADE"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    details: Mapped[dict[str, Any]]
    """What the sentence names; codes and moments, worded when it is sent."""
    created_at: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    """When it was decided who is told; their deliveries were written with it."""
    settled_at: Mapped[datetime | None]
    """When nothing was left to do: delivered to everybody, or no longer true."""

    __table_args__ = (
        Index("ix_alarms_open", "settled_at", "id"),
        Index("ix_alarms_registration", "registration_id"),
        Index("ix_alarms_incident", "incident_id"),
    )


class Delivery(Base):
    """One alarm on its way to one recipient. Never the address itself: it is a secret of the settings."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms.id", ondelete="CASCADE"))
    audience: Mapped[str] = mapped_column(String(10))
    """``core.alarms.addresses.Audience``."""
    recipient: Mapped[int]
    """The operator's id, or which of support's addresses it is, from 1: one that is mended gets what waited."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    """None once nothing is left to try."""
    lease_until: Mapped[datetime | None]
    """Somebody is sending it until then at the latest; later, whoever it was has died."""
    sent_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(20), default="")
    """``core.alarms.delivery.Outcome``; '' while it waits."""
    last_error: Mapped[str] = mapped_column(String(40), default="")
    """A code of ``core.alarms.sending``: no word of the other side is kept, it might repeat the address."""

    __table_args__ = (
        Index("uq_deliveries_recipient", "alarm_id", "audience", "recipient", unique=True),
        Index("ix_deliveries_due", "outcome", "next_try_at"),
        Index("ix_deliveries_sent", "sent_at", "audience", "recipient"),
    )
