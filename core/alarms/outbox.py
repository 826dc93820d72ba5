"""Alarms are written in the transaction that writes the fact they tell of: none is lost, none tells what is not so."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from core.storage.models import Alarm, Registration


class AlarmKind(StrEnum):
    """What somebody may be told."""

    RECONNECT_NEEDED = "reconnect_needed"
    LAPSES_SOON = "lapses_soon"
    """``days`` in the details: 14, 7 or 3."""
    RECOVERED = "recovered"
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_CLOSED = "incident_closed"
    APP_REFUSED = "app_refused"
    """An incident of refusals ended without anybody being accepted: somebody must look at our app."""
    JOURNAL_FAILS = "journal_fails"
    """A server of ours cannot write its journal, so nothing is renewed: told once, until it can again."""
    TOKEN_ORPHANED = "token_orphaned"  # noqa: S105 - the name of an alarm
    """A token came back to a row that had moved on: kept aside, and somebody should look."""
    ANSWER_MISPLACED = "answer_misplaced"
    """What is archived of a consent's tokens is another's, or was changed: nobody else than an intruder does that."""
    FIELD_REFUSED = "field_refused"
    """Exact does not know a field any more that we ask for: ``what`` in the details. We go on without it."""
    TEST = "test"
    """Somebody asked whether alarms arrive."""


OF_ONE_CUSTOMER = (AlarmKind.RECONNECT_NEEDED, AlarmKind.LAPSES_SOON, AlarmKind.RECOVERED)
"""Of the state of one registration."""


def announce(
    session: Session,
    kind: AlarmKind,
    now: datetime,
    *,
    registration: Registration | None = None,
    incident_id: int | None = None,
    environment: str = "",
    **details: Any,  # noqa: ANN401 - JSON
) -> None:
    """Put an alarm into the outbox, in the caller's transaction. ``details`` holds no secret."""
    session.add(
        Alarm(
            kind=kind.value,
            environment=registration.environment if registration else environment,
            registration_id=registration.id if registration else None,
            incident_id=incident_id,
            details=details,
            created_at=now,
        )
    )
