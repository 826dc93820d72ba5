"""First tables."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from alembic import op

from core.storage.models import Base

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    Base.metadata.create_all(connection)
    if find_spec("core.storage.search") is not None:
        import_module("core.storage.search").install_search(connection)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first tables")
