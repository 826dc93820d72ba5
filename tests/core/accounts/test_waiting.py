"""Whoever changes an operator waits for whoever is at it, and goes on from what that has left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
from sqlalchemy import select

from core.accounts.last_admin import locked_operator
from core.accounts.operators import rename
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.audit.events import Event
from core.storage.models import AuditEntry, Operator


def test_a_change_begins_from_what_another_has_just_left(
    app: Application, admin: CurrentOperator, alice: CurrentOperator
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with app.database.transaction() as session:
            locked_operator(session, alice.id).name = "Alicia"
            session.flush()
            second = pool.submit(rename, app, admin, alice.id, "Alix")
            with pytest.raises(StillWaiting):
                second.result(0.3)
        second.result(20)
    with app.database.read() as session:
        assert session.get_one(Operator, alice.id).name == "Alix"
        told = session.scalars(select(AuditEntry).where(AuditEntry.event == Event.OPERATOR_RENAMED)).all()
    assert [entry.detail for entry in told] == ["Alicia → Alix"]
