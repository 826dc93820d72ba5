"""What leaves as a file is recorded twice: before the first byte, and when the last row has gone or nobody took it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, TypeVar

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.audit.events import Event
from core.audit.record import Outcome, record_alone

Row = TypeVar("Row")


def recorded(
    app: Application, by: CurrentOperator, on: str, filters: str, rows: Iterable[Row]
) -> Iterator[Row]:
    """The same rows, of the file ``on``; raises what the database raises when it cannot be recorded."""
    record_alone(app, Event.EXPORT_BEGUN, by, on=on, detail=filters)
    return _counted(app, by, on, rows)


def _counted(app: Application, by: CurrentOperator, on: str, rows: Iterable[Row]) -> Iterator[Row]:
    count, whole = 0, False
    try:
        for row in rows:
            count += 1
            yield row
        whole = True
    finally:
        outcome: Outcome = "done" if whole else "failed"
        record_alone(app, Event.EXPORT_ENDED, by, on=on, outcome=outcome, detail=str(count))


def filters_of(query: Any) -> str:  # noqa: ANN401 - a dataclass
    """What a list was filtered by, as it stands in its address."""
    given = ((field.name, getattr(query, field.name), field.default) for field in fields(query))
    asked = [f"{name}={value}" for name, value, default in given if value != default and name != "page"]
    return " ".join(asked)
