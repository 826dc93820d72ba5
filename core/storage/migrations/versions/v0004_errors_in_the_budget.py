"""Errors in the budget of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("call_budgets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("error_moments", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("blocked_until", UTCDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("call_budgets", schema=None) as batch_op:
        batch_op.drop_column("blocked_until")
        batch_op.drop_column("error_moments")
