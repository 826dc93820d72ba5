"""What a login's registrations have followed; looking a token up by its name, and what is old by its age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEXES = (
    ("grants", "fingerprint"),
    ("consents", "link_id"),
    ("consents", "expires_at"),
    ("customer_links", "expires_at"),
    ("invitations", "expires_at"),
    ("call_budgets", "day_ends_at"),
)


def upgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("followed", sa.String(length=100), nullable=False, server_default=""))
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    # Nobody comes by these to follow a new name of their owner, or a paused consent on its way to lapse: once now.
    op.execute(
        "UPDATE registrations SET status_until = created_at"
        " WHERE next_check_at IS NULL AND (owner_id IS NOT NULL OR grant_id IS NOT NULL)"
    )


def downgrade() -> None:
    for table, column in reversed(_INDEXES):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_column("followed")
