"""When the chain of tokens of a grant began: of two of one Exact user the younger is the living one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("chain_began_at", UTCDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("chain_after", UTCDateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_grants_chain", ["chain_began_at"], unique=False)
        batch_op.create_index(
            "ix_grants_aside",
            ["exact_user_id"],
            unique=False,
            sqlite_where=sa.text("live = 0 AND exact_user_id IS NOT NULL"),
            postgresql_where=sa.text("NOT live AND exact_user_id IS NOT NULL"),
        )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(
            "ix_consents_exchanging",
            ["used_at"],
            unique=False,
            sqlite_where=sa.text("outcome = 'exchanging'"),
            postgresql_where=sa.text("outcome = 'exchanging'"),
        )
    # Exact refreshes only the younger of two chains: what was refreshed last is ordered rightly by that.
    op.execute("UPDATE grants SET chain_began_at = coalesce(rotated_at, created_at)")


def downgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_exchanging")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index("ix_grants_aside")
        batch_op.drop_index("ix_grants_chain")
        batch_op.drop_column("chain_after")
        batch_op.drop_column("chain_began_at")
