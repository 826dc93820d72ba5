"""A fresh password before what cannot be undone, and lists of one owner's registrations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirmed_at", UTCDateTime(timezone=True), nullable=True))
    with op.batch_alter_table("sign_in_tickets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_registrations_owner_status", "registrations", ["owner_id", "status", "name_key", "id"]
    )
    op.create_index("ix_registrations_owner_lapses", "registrations", ["owner_id", "lapses_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_registrations_owner_lapses", table_name="registrations")
    op.drop_index("ix_registrations_owner_status", table_name="registrations")
    with op.batch_alter_table("sign_in_tickets", schema=None) as batch_op:
        batch_op.drop_column("confirmed")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("confirmed_at")
