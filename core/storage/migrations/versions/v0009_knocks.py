"""Knocks at open doors, counted for all processes together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "knocks",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash"),
    )
    with op.batch_alter_table("knocks", schema=None) as batch_op:
        batch_op.create_index("ix_knocks_free_at", ["free_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("knocks", schema=None) as batch_op:
        batch_op.drop_index("ix_knocks_free_at")

    op.drop_table("knocks")
