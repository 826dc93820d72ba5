"""The audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.storage.audit_guard import guard, unguard
from core.storage.audit_search import install_audit_search, remove_audit_search
from core.storage.base import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("actor_email", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("subject_key", sa.String(length=400), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at", "sequence"], unique=False)
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "at", "sequence"], unique=False)
    op.create_index("ix_audit_entries_event", "audit_entries", ["event", "at", "sequence"], unique=False)
    op.create_index("ix_audit_entries_outcome", "audit_entries", ["outcome", "at", "sequence"], unique=False)
    op.create_index("ix_audit_entries_previous", "audit_entries", ["previous_hash"], unique=False)
    head = op.create_table(
        "audit_head",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_audit_head_single"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64}])
    guard(op.get_bind())
    install_audit_search(op.get_bind())


def downgrade() -> None:
    remove_audit_search(op.get_bind())
    unguard(op.get_bind())
    op.drop_table("audit_head")
    op.drop_table("audit_entries")
