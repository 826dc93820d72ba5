"""How Alembic reaches the database: the connection it is handed, or the one of the settings.

``core.storage.schema.upgrade`` hands one in; ``alembic revision`` on the command line does not.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from core.settings import Settings
from core.storage.database import Database
from core.storage.migrations.scope import belongs_to_models
from core.storage.models import Base


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,  # SQLite can, when BEGIN is sent by us (see core.storage.database)
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=belongs_to_models,
    )
    with context.begin_transaction():
        context.run_migrations()


def _connection_of_settings() -> None:
    database = Database(Settings().database_url.get_secret_value())
    with database.engine.execution_options(clickker_write=True).begin() as connection:
        _run(connection)
    database.dispose()


_handed = context.config.attributes.get("connection")
if _handed is None:
    _connection_of_settings()
else:
    _run(_handed)
