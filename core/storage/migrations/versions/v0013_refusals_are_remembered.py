"""What Exact refused is remembered for a day, whom we turned away is told once, and whose tokens are is asked later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import Id, UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused_calls",
        sa.Column("environment", sa.String(length=5), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("resource", sa.String(length=60), nullable=False),
        sa.Column("login", sa.String(length=36), nullable=False),
        sa.Column("until", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("environment", "client_id", "resource", "login"),
    )
    with op.batch_alter_table("refused_calls", schema=None) as batch_op:
        batch_op.create_index("ix_refused_calls_until", ["until"], unique=False)
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("identify_at", UTCDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("identify_failures", Id, nullable=False, server_default="0"))
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("turned_away", sa.String(length=300), nullable=False, server_default="")
        )


def downgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_column("turned_away")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_column("identify_failures")
        batch_op.drop_column("identify_at")
    with op.batch_alter_table("refused_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_refused_calls_until")

    op.drop_table("refused_calls")
