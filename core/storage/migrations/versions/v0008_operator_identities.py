"""Operators' accounts at the provider of the single sign-on, and visits to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator_identities",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("bound_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject", name="uq_operator_identities_issuer_subject"),
    )
    with op.batch_alter_table("operator_identities", schema=None) as batch_op:
        batch_op.create_index("ix_operator_identities_operator_id", ["operator_id"], unique=False)

    op.create_table(
        "provider_visits",
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=True),
        sa.Column("invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("browser_hash"),
    )
    with op.batch_alter_table("provider_visits", schema=None) as batch_op:
        batch_op.create_index("ix_provider_visits_expires_at", ["expires_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("provider_visits", schema=None) as batch_op:
        batch_op.drop_index("ix_provider_visits_expires_at")

    op.drop_table("provider_visits")
    with op.batch_alter_table("operator_identities", schema=None) as batch_op:
        batch_op.drop_index("ix_operator_identities_operator_id")

    op.drop_table("operator_identities")
