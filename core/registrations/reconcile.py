"""Two lists side by side: what the Exact user sees and permits, and what is linked here. Pure.

Both change without the other: consent is narrowed at Exact, a bookkeeping is archived, a new one appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.i18n import N_, _


class Drift(StrEnum):
    """How the lists differ for one administration; the worst first."""

    NOT_SEEN = "not_seen"
    NOT_PERMITTED = "not_permitted"
    ARCHIVED = "archived"
    INACTIVE = "inactive"
    FAILING = "failing"
    BLOCKED = "blocked"
    NEW = "new"
    NONE = ""
    """They agree."""


REMARKS: dict[Drift, str] = {
    Drift.NOT_SEEN: N_("Linked, but the Exact user no longer sees it"),
    Drift.NOT_PERMITTED: N_("Linked, no longer permitted"),
    Drift.ARCHIVED: N_("Linked, archived at Exact"),
    Drift.INACTIVE: N_("Linked, inactive at Exact"),
    Drift.FAILING: N_("Linked, the last check was refused"),
    Drift.BLOCKED: N_("Linked, blocked at Exact for now"),
    Drift.NEW: N_("New since consent, not linked"),
    Drift.NONE: "",
}


@dataclass(frozen=True)
class Side:
    """One administration as stored: both sides of it."""

    code: int
    name: str
    user_sees: bool | None
    """None where Exact does not tell."""
    permitted: bool
    linked: bool
    exact_status: int
    blocking_status: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure_kind: str | None
    found_at: datetime | None
    linked_at: datetime | None


@dataclass(frozen=True)
class Line:
    """An administration, and how the lists differ about it."""

    side: Side
    drift: Drift

    @property
    def remark(self) -> str:
        """The drift in the reader's language; '' where the lists agree."""
        return _(REMARKS[self.drift]) if self.drift else ""


@dataclass(frozen=True)
class Reconciliation:
    """Every administration that is known, what drifts first, then what is linked, then by name."""

    lines: tuple[Line, ...]

    @property
    def drifting(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.drift)


def reconcile(sides: Sequence[Side]) -> Reconciliation:
    """Name every difference between the two lists."""
    chosen_at = _chosen_at(sides)
    order = list(Drift)
    lines = [Line(side, _drift(side, chosen_at)) for side in sides]
    lines.sort(key=lambda line: (order.index(line.drift), not line.side.linked, not line.side.permitted))
    return Reconciliation(tuple(lines))


def _drift(side: Side, chosen_at: datetime | None) -> Drift:
    if not side.linked:
        return Drift.NEW if _is_new(side, chosen_at) else Drift.NONE
    if not side.permitted:
        return Drift.NOT_SEEN if side.user_sees is False else Drift.NOT_PERMITTED
    if side.exact_status != 1:
        return Drift.ARCHIVED if side.exact_status == 2 else Drift.INACTIVE  # noqa: PLR2004 - see models
    if side.blocking_status != 0:
        return Drift.BLOCKED
    return Drift.FAILING if side.last_failure_kind else Drift.NONE


def _is_new(side: Side, chosen_at: datetime | None) -> bool:
    """Found after somebody last chose: whoever chose later has seen it."""
    if not side.permitted or side.exact_status == 2 or side.found_at is None:  # noqa: PLR2004 - archived
        return False
    return chosen_at is not None and side.found_at > chosen_at


def _chosen_at(sides: Sequence[Side]) -> datetime | None:
    """The latest link, or the first reading when that was later; None before anything was linked."""
    linked = [side.linked_at for side in sides if side.linked_at is not None]
    found = [side.found_at for side in sides if side.found_at is not None]
    return max([*linked, min(found)]) if linked and found else None
