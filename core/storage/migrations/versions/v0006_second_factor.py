"""The second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index("uq_recovery_codes_code", ["operator_id", "code_hash"], unique=True)

    op.create_table(
        "second_factors",
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("begun_in", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("on_since", UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("operator_id"),
    )
    op.create_table(
        "second_steps",
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("browser_hash"),
    )
    with op.batch_alter_table("second_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_second_steps_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_second_steps_operator_id"), ["operator_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("second_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_second_steps_operator_id"))
        batch_op.drop_index(batch_op.f("ix_second_steps_expires_at"))

    op.drop_table("second_steps")
    op.drop_table("second_factors")
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.drop_index("uq_recovery_codes_code")

    op.drop_table("recovery_codes")
