"""What may have happened to a registration: the facts behind each status, in a likely mix."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.exact.errors import FailureKind
from core.registrations.asking import NOT_ASKED, Asking
from core.registrations.issues import IssueKind
from core.registrations.outcomes import Outcome
from core.registrations.status import Derived, Facts, Trouble
from core.settings import Settings
from core.storage.models import new_uuid
from core.tokens.facts import lapses_at

FAILING = FailureKind.FORBIDDEN.value
_DENIED = 30.0


@dataclass(frozen=True)
class Story:
    """The facts of one registration; ages are hours before now."""

    active: bool = True
    submitted: bool = True
    disconnected: bool = False
    consented: bool = True
    linked: bool = True
    failing: bool = False
    """One of its administrations is closed to us."""
    refused: bool = False
    denied: bool = False
    """The customer was asked, and pressed Deny."""
    success: float | None = 12.0
    failure: float | None = None
    failure_kind: FailureKind | None = None
    rotated: float = 48.0
    born: float = 5_000.0

    def facts(
        self, now: datetime, settings: Settings, linked: int, failing: int, first_code: int = 0
    ) -> Facts:
        """What ``derive`` is told; the same as ``settle`` would gather from the rows."""
        heard = [_ago(now, hours) for hours in (self.success, self.failure) if hours is not None]
        return Facts(
            active=self.active,
            submitted=self.submitted,
            disconnected=self.disconnected,
            consented=self.consented,
            completed=self.linked,
            dead=self.refused,
            lapses_at=lapses_at(_ago(now, self.rotated), settings) if self.consented else None,
            last_success_at=_ago(now, self.success) if self.success is not None else None,
            last_failure_at=_ago(now, self.failure) if self.failure is not None else None,
            last_failure_kind=self.failure_kind,
            last_checked_at=max(heard, default=None),
            linked=linked,
            failing=failing,
            troubles=tuple(Trouble(first_code + place, IssueKind.FAILING) for place in range(failing)),
            asking=Asking(answer=Outcome.REFUSED, answered_at=_ago(now, _DENIED))
            if self.denied
            else NOT_ASKED,
            fresh=settings.fresh,
        )


_LATEST = 19.0
"""Hours: a little less than from one check to the next."""
_BEFORE_CONSENT = {"consented": False, "linked": False, "success": None}
_MIX: tuple[tuple[int, dict[str, Any]], ...] = (
    (700, {}),
    (50, {"failing": True}),
    (15, {"success": 230.0, "rotated": 400.0}),
    (15, {"success": 230.0, "rotated": 545.0}),
    (30, {"failure": 6.0, "failure_kind": FailureKind.FORBIDDEN}),
    (20, {"failure": 2.0, "failure_kind": FailureKind.OUTAGE}),
    (20, {"success": 300.0, "failure": 4.0, "failure_kind": FailureKind.REFUSED, "refused": True}),
    (15, {"success": 760.0, "rotated": 760.0}),
    (35, {"linked": False, "success": 1.0}),
    (30, _BEFORE_CONSENT),
    (10, {**_BEFORE_CONSENT, "denied": True}),
    (20, {**_BEFORE_CONSENT, "submitted": False}),
    (20, {"active": False}),
    (20, {**_BEFORE_CONSENT, "disconnected": True, "success": 900.0}),
)
"""Of a thousand registrations, how many have which facts."""


def stories(choice: random.Random) -> Iterator[Story]:
    """One after the other, without end; the same for the same ``choice``."""
    weights = [weight for weight, _facts in _MIX]
    while True:
        told = dict(choice.choices(_MIX, weights)[0][1])
        spread = {
            "born": choice.uniform(1_000, 9_000),
            "rotated": told.get("rotated", 0.0) + choice.uniform(0, 150),
        }
        if told.get("success", 12.0) is not None:
            spread["success"] = _success(told, choice.uniform(0, 1))
        yield Story(**(told | spread))


def _success(told: dict[str, Any], drawn: float) -> float:
    """Hours since the last success: of what is well less than a day, as the keeper's checks leave it."""
    since = float(told.get("success", 12.0))
    if since > _LATEST or "failure" in told:
        return since + 40 * drawn
    return 0.5 + (_LATEST - 0.5) * drawn


def registration_columns(story: Story, derived: Derived, now: datetime, settings: Settings) -> dict[str, Any]:
    """The columns of ``Registration`` that follow from its story."""
    facts = story.facts(now, settings, 0, 0)
    born = _ago(now, story.born)
    return {
        "active": story.active,
        "note": "",
        "created_by": None,
        "created_at": born,
        "updated_at": born,
        "submitted_at": born if story.submitted else None,
        "completed_at": born if story.linked else None,
        "disconnected_at": _ago(now, 100.0) if story.disconnected else None,
        "last_checked_at": facts.last_checked_at,
        "last_success_at": facts.last_success_at,
        "last_failure_at": facts.last_failure_at,
        "last_failure_kind": story.failure_kind,
        "last_failure_message": None,
        "status": derived.status.value,
        "status_reason": derived.reason,
        "status_until": derived.until,
        "lapses_at": facts.lapses_at,
    }


def consent_columns(registration: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The attempt at which the customer refused."""
    at = _ago(now, _DENIED)
    return {
        "id": new_uuid(),
        "registration_id": registration["id"],
        "environment": registration["environment"],
        "created_at": at,
        "expires_at": at,
        "used_at": at,
        "outcome": Outcome.REFUSED.value,
        "turned_away": "",
    }


def grant_columns(story: Story, registration: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The grant behind it, without tokens: there is nothing to call Exact with."""
    number = registration["id"]
    return {
        "id": new_uuid(),
        "environment": registration["environment"],
        "client_id": "seed",
        "exact_user_id": new_uuid(),
        "user_name": f"user{number}",
        "full_name": f"User {number}",
        "email": f"user{number}@customer.example",
        "live": True,
        "created_at": registration["created_at"],
        "rotated_at": _ago(now, story.rotated),
        "last_success_at": registration["last_success_at"],
        "last_failure_at": registration["last_failure_at"] if story.refused else None,
        "last_failure_kind": FailureKind.REFUSED.value if story.refused else None,
        "failures": 3 if story.refused else 0,
        "refusals": 3 if story.refused else 0,
        "refused_since": _ago(now, 8.0) if story.refused else None,
        "version": 1,
    }


def _ago(now: datetime, hours: float) -> datetime:
    return now - timedelta(hours=hours)
