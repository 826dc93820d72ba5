"""The pages of a list of Exact's that is too long for one minute: kept until it is whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import Id, UTCDateTime

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "read_pages",
        sa.Column("reading_id", sa.String(length=36), nullable=False),
        sa.Column("number", Id, autoincrement=False, nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("resource", sa.String(length=60), nullable=False),
        sa.Column("following", sa.Text(), nullable=False),
        sa.Column("count", Id, nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("read_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reading_id", "number"),
    )
    with op.batch_alter_table("read_pages", schema=None) as batch_op:
        batch_op.create_index("ix_read_pages_registration", ["registration_id", "grant_id"], unique=False)
        batch_op.create_index("ix_read_pages_grant", ["grant_id"], unique=False)
        batch_op.create_index("ix_read_pages_read_at", ["read_at"], unique=False)


def downgrade() -> None:
    op.drop_table("read_pages")
