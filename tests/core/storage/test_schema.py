"""The migrations make exactly the tables that the models describe, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import func, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from core import clock
from core.storage import schema
from core.storage.database import Database
from core.storage.migrations.scope import belongs_to_models
from core.storage.models import Administration, Base, Invitation
from tests.factories import make_administration, make_registration


def test_the_migrated_database_has_what_the_models_describe(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": belongs_to_models, "compare_type": True}
        )
        differences = compare_metadata(context, Base.metadata)

    assert differences == []


def test_an_upgraded_database_is_current(database: Database) -> None:
    assert schema.is_current(database)
    assert schema.current_revision(database) == schema.newest_revision()


def test_an_empty_database_is_not_current(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")

    assert schema.current_revision(empty) is None
    assert not schema.is_current(empty)
    empty.dispose()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = inspect(database.engine).get_table_names()

    schema.upgrade(database)

    assert inspect(database.engine).get_table_names() == before


def test_foreign_keys_hold_again_after_an_upgrade(database: Database) -> None:
    schema.upgrade(database)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(
            insert(Invitation).values(
                operator_id=999,
                purpose="invite",
                token_hash="x",
                created_at=clock.now(),
                expires_at=clock.now(),
            )
        )


def test_a_table_made_anew_keeps_the_rows_that_hang_on_it(tmp_path: Path) -> None:
    kept = Database(f"sqlite:///{tmp_path / 'kept.db'}")
    schema.upgrade(kept)
    make_administration(kept, make_registration(kept))

    with (
        kept.engine.connect().execution_options(clickker_write=True) as connection,
        schema._without_cascades(connection),
        connection.begin(),
        Operations(MigrationContext.configure(connection)).batch_alter_table(
            "registrations", recreate="always"
        ),
    ):
        pass

    with kept.read() as session:
        assert session.scalar(select(func.count()).select_from(Administration)) == 1
    kept.dispose()


def test_a_failed_upgrade_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Database(f"sqlite:///{tmp_path / 'broken.db'}")
    monkeypatch.setattr("core.storage.search.install_search", _fail)

    with pytest.raises(RuntimeError, match="half-way"):
        schema.upgrade(broken)

    assert inspect(broken.engine).get_table_names() == []
    broken.dispose()


def _fail(_connection: object) -> None:
    raise RuntimeError("half-way")
