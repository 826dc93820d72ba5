"""The two lists as SQL sees them: what each sort and each filter is called in the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from core.storage.models import Administration, Registration

Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, eq=False)
class SqlList:
    """A list; every sort and every filter named here has an index in ``core.storage.models``."""

    id: InstrumentedAttribute[int]
    name_key: InstrumentedAttribute[str]
    always: tuple[ColumnElement[bool], ...]
    """What a row must be to be in the list at all."""
    sorts: Mapping[str, tuple[Column, ...]]
    """Ties included; the last is the id. Only the first may be unset."""
    filters: Mapping[str, Column]
    search_table: str
    """The full-text table on SQLite."""
    also: ColumnElement[str] | None = None
    """A second text that search looks into, folded."""
    code: ColumnElement[int] | None = None
    """A number that search in digits looks into."""


_r, _a = Registration, Administration

REGISTRATIONS = SqlList(
    id=_r.id,
    name_key=_r.name_key,
    always=(),
    sorts={
        "name": (_r.name_key, _r.id),
        "environment": (_r.environment, _r.name_key, _r.id),
        "status": (_r.status, _r.name_key, _r.id),
        "active": (_r.active, _r.name_key, _r.id),
        "owner": (_r.owner_key, _r.name_key, _r.id),
        "administrations_linked": (_r.administrations_linked, _r.id),
        "last_checked_at": (_r.last_checked_at, _r.id),
        "last_success_at": (_r.last_success_at, _r.id),
        "lapses_at": (_r.lapses_at, _r.id),
    },
    filters={
        "status": _r.status, "environment": _r.environment, "owner_id": _r.owner_id, "active": _r.active,
    },
    search_table="registrations_search",
    also=_r.reference_key.expression,
)  # fmt: skip

ADMINISTRATIONS = SqlList(
    id=_a.id,
    name_key=_a.name_key,
    always=(_a.linked.expression,),
    sorts={
        "name": (_a.name_key, _a.id),
        "code": (_a.code, _a.id),
        "registration": (_a.registration_key, _a.id),
        "environment": (_a.environment, _a.name_key, _a.id),
        "status": (_a.status, _a.name_key, _a.id),
        "active": (_a.active, _a.name_key, _a.id),
        "owner": (_a.owner_key, _a.id),
        "country": (_a.country, _a.id),
        "currency": (_a.currency, _a.id),
        "last_success_at": (_a.last_success_at, _a.id),
    },
    filters={
        "status": _a.status, "environment": _a.environment, "owner_id": _a.owner_id, "active": _a.active,
    },
    search_table="administrations_search",
    code=_a.code.expression,
)  # fmt: skip
