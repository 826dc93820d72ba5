"""Looking what is due reads the due rows and no others."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Select, text

from core import clock
from core.application import Application
from core.keeping.claims import due_checks, due_keep_alives
from core.seed import seed
from core.storage.database import Database


def plan(database: Database, query: Select[int] | Select[str]) -> str:
    words = query.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.execute(text(f"EXPLAIN QUERY PLAN {words}"))
            return "\n".join(row[3] for row in rows)
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        return "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {words}")))


def served(found: str, index: str) -> bool:
    return index in found and not any(word in found for word in ("TEMP B-TREE", "Seq Scan", "Sort"))


def test_due_checks_come_out_of_an_index(app: Application) -> None:
    seed(app, 120, 1)
    assert served(plan(app.database, due_checks(clock.now(), 32)), "ix_registrations_check")
    assert served(plan(app.database, due_checks(clock.now(), 32, {"nl"})), "ix_registrations_check")


def test_due_keep_alives_come_out_of_an_index(app: Application) -> None:
    seed(app, 120, 1)
    for hours in range(0, 24, 6):
        found = plan(app.database, due_keep_alives(app.settings, clock.now() + timedelta(hours=hours), 32))
        assert served(found, "ix_grants_keep_alive_at"), found
