"""What a database is asked, by whichever of its doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from core.storage.database import Database
from core.storage.rows import Line, Prepared


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its parameters, in their order; transactions begin and end unseen."""
    seen: list[tuple[str, Any]] = []
    run = Prepared.rows

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if not statement.startswith("BEGIN"):
            seen.append((statement, parameters))

    def noted(self: Prepared, cursor: Any, given: Mapping[str, Any]) -> list[Line]:
        seen.append((self.text, self.parameters(given)))
        return run(self, cursor, given)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Prepared, "rows", noted)
            yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
