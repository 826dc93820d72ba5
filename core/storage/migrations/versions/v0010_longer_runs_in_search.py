"""SQLite's search tables hold runs of five characters where they held three."""

from __future__ import annotations

from alembic import op

from core.storage.search import install_search

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        install_search(connection)


def downgrade() -> None:
    raise NotImplementedError("the search tables of before are made by the version of before")
