"""Names and references folded anew, and what is ticked or typed and not saved yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from core.storage.base import UTCDateTime, folded
from core.storage.search import install_search, remove_search
from core.text import fold

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BATCH = 5_000


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "unsaved_work",
        sa.Column("operator_id", number, nullable=False),
        sa.Column("registration_id", number, nullable=False),
        sa.Column("place", sa.String(length=20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("kept_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("operator_id", "registration_id", "place"),
    )
    op.create_index("ix_unsaved_work_registration_id", "unsaved_work", ["registration_id"], unique=False)
    op.create_index("ix_unsaved_work_kept_at", "unsaved_work", ["kept_at"], unique=False)
    op.add_column("registrations", sa.Column("reference_key", folded(100), server_default="", nullable=False))
    connection = op.get_bind()
    remove_search(connection)
    op.drop_index("uq_registrations_name", table_name="registrations")
    _fold_registrations(connection)
    _fold_administrations(connection)
    only = sa.text("submitted_at IS NOT NULL")
    op.create_index(
        "uq_registrations_name",
        "registrations",
        ["environment", "name_key"],
        unique=True,
        sqlite_where=only,
        postgresql_where=only,
    )
    install_search(connection)


def downgrade() -> None:
    raise NotImplementedError("names are folded by this version; the version of before would not find them")


def _fold_registrations(connection: sa.Connection) -> None:
    """Two customers whose names are alike from now on keep both: the later one's key gets its number behind."""
    table = sa.table("registrations", *map(sa.column, _REGISTRATION))
    called = connection.execute(sa.text("SELECT id, name FROM operators"))
    names: dict[int, str] = {number: name for number, name in called}  # noqa: C416 - rows are no pairs to mypy
    taken: set[tuple[str, str]] = set()
    for row in _rows(connection, table):
        key = fold(row["name"])[:200]
        whose = (row["environment"], key)
        if row["submitted_at"] is not None:
            key = f"{key[:180]} {row['id']}" if whose in taken else key
            taken.add(whose)
        owner = names.get(row["owner_id"])
        _change(
            connection,
            table,
            row,
            name_key=key,
            reference_key=fold(row["reference"])[:100],
            owner_key=fold(owner) if owner is not None else "",
        )


def _fold_administrations(connection: sa.Connection) -> None:
    table = sa.table("administrations", *map(sa.column, _ADMINISTRATION))
    copied = sa.text("SELECT id, name_key, owner_key FROM registrations")
    keys = {number: (key, owner) for number, key, owner in connection.execute(copied)}
    for row in _rows(connection, table):
        key, owner = keys[row["registration_id"]]
        name = fold(row["name"])[:400]
        _change(connection, table, row, name_key=name, registration_key=key, owner_key=owner)


_REGISTRATION = (
    "id", "name", "name_key", "environment", "reference", "reference_key", "owner_id", "owner_key",
    "submitted_at",
)  # fmt: skip
_ADMINISTRATION = ("id", "registration_id", "name", "name_key", "registration_key", "owner_key")


def _rows(connection: sa.Connection, table: sa.TableClause) -> Iterator[Mapping[str, Any]]:
    """All of them in the order of their numbers, a batch in memory."""
    last = 0
    while True:
        batch = sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(_BATCH)
        rows = connection.execute(batch).mappings().all()
        yield from map(dict, rows)
        if not rows:
            return
        last = rows[-1]["id"]


def _change(connection: sa.Connection, table: sa.TableClause, row: Mapping[str, Any], **columns: str) -> None:
    if any(row[name] != value for name, value in columns.items()):
        connection.execute(sa.update(table).where(table.c.id == row["id"]).values(**columns))
