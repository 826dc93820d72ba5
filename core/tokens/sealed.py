"""Every column that the vault encrypts: the one list of them.

``clickker keys rotate`` walks it, the start asks it whether a key is missing, and a test compares it with the models
and with whatever calls ``vault.encrypt``. A ciphertext is bound to its table, its column and its row's primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, func, inspect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.storage.models import Base, Consent, Grant, SecondFactor
from core.tokens.vault import HEAD_BYTES, Vault


@dataclass(frozen=True)
class Sealed:
    """The encrypted columns of one table. Their rows are found by ``key``, the primary key."""

    model: type[Base]
    columns: tuple[InstrumentedAttribute[Any], ...]
    names: Callable[[Vault, dict[str, str]], dict[str, Any]] | None = None
    """What else in the row follows from the plain text (by column) and the first key: fingerprints."""
    also: tuple[InstrumentedAttribute[Any], ...] = ()
    """Columns that ``names`` rewrites: a row is only written while they are as they were read."""
    leased: InstrumentedAttribute[Any] | None = None
    """Until when somebody is about to write a row of this table; it is left alone for as long."""

    @property
    def table(self) -> Table:
        found = self.model.__table__
        assert isinstance(found, Table)  # noqa: S101 - for the type checker
        return found

    @property
    def key(self) -> Any:  # noqa: ANN401 - a number in one table, text in another
        [column] = self.table.primary_key.columns
        return getattr(self.model, column.key)

    def made_otherwise(self, heads: Sequence[bytes]) -> ColumnElement[bool]:
        """Rows with a ciphertext that none of these keys made."""
        return or_(*(head_of(column).not_in(heads) for column in self.columns))

    def open(self, vault: Vault, row: Row[Any]) -> dict[str, str]:
        """The plain text of each column that holds something; raises as ``Vault.decrypt``."""
        return {
            column.key: vault.decrypt(getattr(row, column.key), **self.place(column.key, row))
            for column in self.columns
            if getattr(row, column.key) is not None
        }

    def seal(self, vault: Vault, row: Row[Any], plain: dict[str, str]) -> dict[str, Any]:
        """The columns as the first key writes them."""
        made: dict[str, Any] = {
            name: vault.encrypt(text, **self.place(name, row)) for name, text in plain.items()
        }
        return made | (self.names(vault, plain) if self.names else {})

    def place(self, column: str, row: Row[Any]) -> dict[str, Any]:
        """Where a ciphertext lies."""
        return {"table": self.table.name, "column": column, "row": getattr(row, self.key.key)}


def _fingerprints(vault: Vault, plain: dict[str, str]) -> dict[str, Any]:
    if "refresh_token" not in plain:
        return {}
    name = vault.fingerprint(plain["refresh_token"])
    intent = case((Grant.intent_fingerprint == Grant.fingerprint, name), else_=Grant.intent_fingerprint)
    return {"fingerprint": name, "intent_fingerprint": intent}


SEALED: tuple[Sealed, ...] = (
    Sealed(
        Grant,
        (Grant.access_token, Grant.refresh_token),
        names=_fingerprints,
        also=(Grant.fingerprint,),
        leased=Grant.lease_until,
    ),
    Sealed(Consent, (Consent.verifier,)),
    Sealed(SecondFactor, (SecondFactor.secret,)),
)


def heads_in_use(session: Session) -> Iterator[tuple[str, bytes, int]]:
    """(table.column, head of its ciphertexts, how many): which keys were used where.

    A table that is not there yet, before ``clickker db upgrade``, is passed over.
    """
    tables = inspect(session.connection())
    for sealed in SEALED:
        if not tables.has_table(sealed.table.name):
            continue
        present = {column["name"] for column in tables.get_columns(sealed.table.name)}
        for column in (each for each in sealed.columns if each.key in present):
            head = head_of(column)
            query = select(head, func.count()).where(column.is_not(None)).group_by(head)
            for found, count in session.execute(query):
                yield f"{sealed.table.name}.{column.key}", bytes(found), count


def head_of(column: InstrumentedAttribute[Any]) -> ColumnElement[bytes]:
    """The bytes of a ciphertext that name its key, in SQL."""
    return func.substr(column, 1, HEAD_BYTES, type_=column.type)
