"""Part-of-name search on PostgreSQL: with pg_trgm, without it, and with it later. ``doctor`` says which it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import sql
from pydantic import SecretStr

from core.accounts.roles import Role
from core.application import Application, build
from core.doctor import Verdict, examine
from core.registrations.listing import RegistrationQuery, list_registrations
from core.settings import Settings
from core.storage import schema
from core.storage.search import search_backend
from tests.factories import make_operator, make_registration
from tests.support.postgres import PostgresServer

FAST = (Verdict.GOOD, "PostgreSQL with pg_trgm: searching by a part of a name is fast.")


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database without tables."""
    with postgres.new_database() as url:
        yield url


@pytest.fixture
def owner(postgres: PostgresServer) -> Iterator[str]:
    """A role without rights to any database's extensions."""
    role = f"owner_{os.getpid()}"
    postgres.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    yield role
    postgres.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@contextmanager
def _opened(settings: Settings, url: str) -> Iterator[Application]:
    """The application over the database at ``url``, brought to this version's tables."""
    app = build(settings.model_copy(update={"database_url": SecretStr(url)}))
    try:
        schema.upgrade(app.database)  # as `clickker db upgrade` does
        yield app
    finally:
        app.database.dispose()
        app.exact.close()


def _told(app: Application) -> tuple[Verdict, str]:
    """What ``doctor`` says of pg_trgm, once."""
    (found,) = [finding for finding in examine(app.settings) if "pg_trgm" in finding.sentence]
    return found.verdict, found.sentence


def _add_customers(app: Application) -> None:
    for name in ("Xylofoonhuis Ommen", "Bakkerij Ede"):
        make_registration(app.database, name)


def _assert_found_by_part(app: Application) -> None:
    admin = make_operator(app.database, role=Role.ADMIN)
    page = list_registrations(app, admin, RegistrationQuery(search="foonhuis o"))
    assert [row.name for row in page.rows] == ["Xylofoonhuis Ommen"]


def test_the_tables_come_with_pg_trgm_where_the_server_has_it(settings: Settings, empty: str) -> None:
    with _opened(settings, empty) as app:
        assert search_backend(app.database) == "pg_trgm"
        assert _told(app) == FAST
        _add_customers(app)
        _assert_found_by_part(app)


def test_a_server_may_be_given_pg_trgm_later(
    settings: Settings, postgres: PostgresServer, empty: str
) -> None:
    postgres.has_extensions(empty, have=False)
    with _opened(settings, empty) as app:
        assert search_backend(app.database) == "scan"
        verdict, sentence = _told(app)
        assert verdict is Verdict.NOTE
        assert "install it on the server (Debian: postgresql-contrib)" in sentence
        _add_customers(app)
        _assert_found_by_part(app)
    postgres.has_extensions(empty, have=True)
    with _opened(settings, empty) as app:
        assert search_backend(app.database) == "pg_trgm"
        assert _told(app) == FAST
        _assert_found_by_part(app)


def test_a_role_without_the_right_to_it_is_helped_by_an_administrator(
    settings: Settings, postgres: PostgresServer, owner: str, empty: str
) -> None:
    postgres.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(owner)), empty)
    theirs = empty.replace("//postgres@", f"//{owner}@")
    with _opened(settings, theirs) as app:
        assert search_backend(app.database) == "scan"
        verdict, sentence = _told(app)
        assert verdict is Verdict.NOTE
        assert "run CREATE EXTENSION pg_trgm in this database" in sentence
        _add_customers(app)
        _assert_found_by_part(app)

        postgres.execute(sql.SQL("CREATE EXTENSION pg_trgm"), empty)
        assert search_backend(app.database) == "scan"
        verdict, sentence = _told(app)
        assert verdict is Verdict.NOTE
        assert "it is installed, so run “clickker db upgrade”" in sentence
    with _opened(settings, theirs) as app:
        assert search_backend(app.database) == "pg_trgm"
        assert _told(app) == FAST
