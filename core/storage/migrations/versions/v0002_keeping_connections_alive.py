"""Keeping connections alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_budgets",
        sa.Column("environment", sa.String(length=5), nullable=False),
        sa.Column(
            "code", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("minute_ends_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("minute_left", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day_ends_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("day_left", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("minute_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("environment", "code"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("environment", sa.String(length=5), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("opened_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_failure_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_check_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index("ix_incidents_opened", ["opened_at"], unique=False)
        batch_op.create_index(
            "uq_incidents_open",
            ["environment"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "issues",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("registration_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("code", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("level", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_seen_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(length=100), nullable=False),
        sa.Column("snoozed_until", UTCDateTime(timezone=True), nullable=True),
        sa.Column("snoozed_by", sa.String(length=100), nullable=False),
        sa.Column("incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("issues", schema=None) as batch_op:
        batch_op.create_index("ix_issues_incident", ["incident_id"], unique=False)
        batch_op.create_index("ix_issues_open", ["resolved_at", "first_seen_at", "id"], unique=False)
        batch_op.create_index("ix_issues_registration", ["registration_id", "id"], unique=False)
        batch_op.create_index(
            "ix_issues_snoozed",
            ["snoozed_until"],
            unique=False,
            sqlite_where=sa.text("snoozed_until IS NOT NULL"),
            postgresql_where=sa.text("snoozed_until IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_issues_open",
            ["registration_id", "kind", "code"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("environment", sa.String(length=5), nullable=False),
        sa.Column("registration_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index("ix_alarms_incident", ["incident_id"], unique=False)
        batch_op.create_index("ix_alarms_open", ["settled_at", "id"], unique=False)
        batch_op.create_index("ix_alarms_registration", ["registration_id"], unique=False)

    with op.batch_alter_table("administrations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_sees", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("last_failure_at", UTCDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("last_failure_message", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("found_at", UTCDateTime(timezone=True), nullable=True))

    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("error_moments", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("keep_alive_at", UTCDateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_grants_keep_alive_at"), ["keep_alive_at"], unique=False)
        batch_op.create_index(
            "ix_grants_unidentified",
            ["id"],
            sqlite_where=sa.text("exact_user_id IS NULL"),
            postgresql_where=sa.text("exact_user_id IS NULL"),
        )

    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_check_at", UTCDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("check_until", UTCDateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_registrations_check", ["next_check_at"], unique=False)

    # What is there already is looked at soon: the keeper then gives each its own moment.
    op.execute("UPDATE grants SET keep_alive_at = rotated_at WHERE fingerprint IS NOT NULL")
    op.execute(
        "UPDATE registrations SET next_check_at = updated_at WHERE grant_id IS NOT NULL AND disconnected_at IS NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.drop_index("ix_registrations_check")
        batch_op.drop_column("check_until")
        batch_op.drop_column("next_check_at")

    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index("ix_grants_unidentified")
        batch_op.drop_index(batch_op.f("ix_grants_keep_alive_at"))
        batch_op.drop_column("keep_alive_at")
        batch_op.drop_column("error_moments")

    with op.batch_alter_table("administrations", schema=None) as batch_op:
        batch_op.drop_column("found_at")
        batch_op.drop_column("last_failure_message")
        batch_op.drop_column("last_failure_at")
        batch_op.drop_column("user_sees")

    with op.batch_alter_table("issues", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_issues_open",
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_issues_snoozed",
            sqlite_where=sa.text("snoozed_until IS NOT NULL"),
            postgresql_where=sa.text("snoozed_until IS NOT NULL"),
        )
        batch_op.drop_index("ix_issues_registration")
        batch_op.drop_index("ix_issues_open")
        batch_op.drop_index("ix_issues_incident")

    op.drop_table("issues")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_incidents_open",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_incidents_opened")

    op.drop_table("alarms")
    op.drop_table("incidents")
    op.drop_table("call_budgets")
