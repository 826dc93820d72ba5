"""An environment can have one open incident of each family of failures: an outage does not hide refusals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("family", sa.String(10), nullable=False, server_default="outage"))
    op.execute("UPDATE incidents SET family = 'refusal' WHERE kind IN ('refused', 'not_authenticated')")
    op.execute("UPDATE incidents SET family = 'client' WHERE kind = 'client'")
    op.drop_index("uq_incidents_open", table_name="incidents")
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["environment", "family"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def downgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.drop_index("uq_incidents_open")
        table.drop_column("family")
