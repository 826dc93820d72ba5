"""Reading rows the short way: a statement is built and compiled once, and then run by the driver itself.

Every run of a page asks who is there and what stands in its list. SQLAlchemy's way from objects to text and from the
driver's rows to its own took three times as long as the databases did. Who writes, or reads once in a while, takes
``Database.transaction()`` or ``read()``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Dialect, Select

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
Line = tuple[Any, ...]


class Prepared:
    """One statement as the driver takes it: its text, its parameters, and what makes Python's values of a row."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        self._fixed: Mapping[str, Any] = compiled.params
        # Only the dialects that number their parameters know an order.
        self._order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        types = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
        found = [(place, kind.result_processor(dialect, None)) for place, kind in enumerate(types)]
        self._readers = [(place, read) for place, read in found if read is not None]

    def parameters(self, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a tuple or a dict, as the driver wants it
        """What ``given`` and the statement itself say, as the driver takes it; what is not asked for is left out."""
        if self._order is None:
            return {name: given.get(name, value) for name, value in self._fixed.items()}
        return tuple([given[name] if name in given else self._fixed[name] for name in self._order])

    def read(self, row: Line) -> Line:
        """A row of the driver's with moments and truths in it."""
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return tuple(values)

    def rows(self, cursor: Any, given: Mapping[str, Any]) -> list[Line]:  # noqa: ANN401 - DBAPI objects have no type
        """Run it and fetch everything."""
        cursor.execute(self.text, self.parameters(given))
        found: list[Line] = cursor.fetchall()
        return [self.read(row) for row in found] if self._readers else found


class Rows:
    """A connection to read with. Every statement sees the latest: there is no transaction around several."""

    def __init__(self, cursor: Any, dialect: Dialect, prepared: dict[Hashable, Prepared]) -> None:  # noqa: ANN401
        self._cursor, self.dialect, self._prepared = cursor, dialect, prepared
        self.sqlite = dialect.name == "sqlite"

    def all(self, given: Mapping[str, Any], make: Callable[..., Statement], *shape: Hashable) -> list[Line]:
        """The rows of ``make(sqlite, *shape)`` with the parameters ``given``.

        It is made once for every ``shape``: what differs from one question to the next must be a ``bindparam``.
        """
        key = (make, *shape)
        found = self._prepared.get(key)
        if found is None:
            found = self._prepared[key] = Prepared(make(self.sqlite, *shape), self.dialect)
        return found.rows(self._cursor, given)

    def column(self, given: Mapping[str, Any], make: Callable[..., Statement], *shape: Hashable) -> list[Any]:
        """The first value of every row."""
        return [row[0] for row in self.all(given, make, *shape)]
