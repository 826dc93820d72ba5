"""Whoever owns the database can edit it; every edit is found, by the chain or by the file outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Role
from core.application import Application
from core.audit import verifying
from core.audit.chain import GENESIS, Link
from core.audit.events import Event
from core.audit.heads import HeadFile
from core.audit.record import record_alone
from core.audit.verifying import Broken, How, examine, verify
from core.errors import NotAllowed, SettingsError
from core.storage.audit_guard import unguard
from core.storage.database import Database
from core.storage.models import AuditEntry, AuditHead
from tests.factories import make_operator

NAMES = [field.name for field in fields(Link)]
ENTRIES = 6


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "BATCH", 2)


@pytest.fixture
def owned(app: Application, database: Database) -> Application:
    """A chain of six entries, in the hands of somebody who took the triggers away."""
    for number in range(ENTRIES):
        record_alone(app, Event.SIGN_IN, None, on=f"operator {number}", address="10.0.0.9")
    with database.transaction() as session:
        unguard(session.connection())
    return app


def _links(session: Session) -> list[Link]:
    columns = [getattr(AuditEntry, name) for name in NAMES]
    return [Link(*row) for row in session.execute(select(*columns).order_by(AuditEntry.sequence))]


def _renumber(session: Session, moves: dict[int, int]) -> None:
    """Give entries other numbers, by way of numbers that nobody has."""
    for old in moves:
        session.execute(update(AuditEntry).where(AuditEntry.sequence == old).values(sequence=1000 + old))
    for old, new in moves.items():
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 1000 + old).values(sequence=new))


def _forge(session: Session, links: list[Link]) -> None:
    """A chain that is whole in itself in place of the one that is there."""
    session.execute(delete(AuditEntry))
    previous, rows = GENESIS, []
    for number, link in enumerate(links, 1):
        forged = replace(link, sequence=number, previous_hash=previous)
        previous = forged.digest
        rows.append({**vars(forged), "hash": previous})
    session.execute(insert(AuditEntry), rows)
    session.execute(update(AuditHead).values(sequence=len(rows), hash=previous))


def test_a_chain_that_nobody_touched_is_whole(owned: Application) -> None:
    read: list[int] = []
    verdict = examine(owned, read.append)
    assert (verdict.entries, verdict.broken, verdict.heads, verdict.outside) == (ENTRIES, None, ENTRIES, True)
    last = HeadFile(owned.settings.audit_head_file).last()
    assert last is not None
    assert verdict.hash == last.hash
    assert read == [2, 4, 6, 6]


def test_an_empty_log_is_whole(app: Application) -> None:
    assert examine(app).broken is None


@pytest.mark.parametrize("field", [*NAMES, "hash"])
def test_check_17_an_edit_of_any_field_is_found(owned: Application, database: Database, field: str) -> None:
    other = {
        "sequence": 99,
        "at": clock.now() - timedelta(days=1),
        "actor_id": 7,
        "outcome": "failed",
        "previous_hash": "f" * 64,
        "hash": "f" * 64,
    }.get(field, "changed")
    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 4).values({field: other}))
    how = How.REORDERED if field == "sequence" else How.CHANGED
    assert examine(owned).broken == Broken(4, how)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    field=st.sampled_from([name for name in NAMES if name not in {"sequence", "at", "actor_id"}]),
    other=st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=64
    ),
)
def test_an_edit_to_anything_is_found(owned: Application, database: Database, field: str, other: str) -> None:
    with database.transaction() as session:
        before = session.scalar(select(getattr(AuditEntry, field)).where(AuditEntry.sequence == 3))
        limit = getattr(AuditEntry, field).type.length
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 3).values({field: other[:limit]}))
    found = examine(owned).broken
    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 3).values({field: before}))
    assert found == (None if other[:limit] == before else Broken(3, How.CHANGED))


def _remove_middle(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.sequence == 3))


def _remove_middle_and_close_the_gap(session: Session) -> None:
    _remove_middle(session)
    _renumber(session, {4: 3, 5: 4, 6: 5})


def _remove_first(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.sequence == 1))


def _remove_last(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.sequence == ENTRIES))


def _remove_last_and_the_note_of_it(session: Session) -> None:
    _forge(session, _links(session)[:-1])


def _remove_all_and_the_note_of_it(session: Session) -> None:
    session.execute(delete(AuditEntry))
    session.execute(update(AuditHead).values(sequence=0, hash=GENESIS))


def _swap(session: Session) -> None:
    _renumber(session, {3: 4, 4: 3})


def _swap_far(session: Session) -> None:
    _renumber(session, {2: 5, 5: 2})


def _insert_middle(session: Session) -> None:
    link = _links(session)[2]
    _renumber(session, {6: 7, 5: 6, 4: 5, 3: 4})
    new = replace(link, subject="nobody")
    session.execute(insert(AuditEntry).values(**vars(new), hash=new.digest))


def _insert_before(session: Session) -> None:
    new = replace(_links(session)[0], sequence=0)
    session.execute(insert(AuditEntry).values(**vars(new), hash=new.digest))


def _insert_behind(session: Session) -> None:
    (last,) = session.scalars(select(AuditEntry.hash).where(AuditEntry.sequence == ENTRIES))
    new = replace(_links(session)[-1], sequence=ENTRIES + 1, previous_hash=last)
    session.execute(insert(AuditEntry).values(**vars(new), hash=new.digest))


def _rewrite_one(session: Session) -> None:
    new = replace(_links(session)[2], subject="nobody")
    session.execute(
        update(AuditEntry).where(AuditEntry.sequence == 3).values(subject="nobody", hash=new.digest)
    )


def _rewrite_all(session: Session) -> None:
    links = _links(session)
    _forge(session, [*links[:2], replace(links[2], subject="nobody"), *links[3:]])


def _lose_the_note(session: Session) -> None:
    session.execute(delete(AuditHead))


def _change_the_note(session: Session) -> None:
    session.execute(update(AuditHead).values(hash="f" * 64))


EDITS: list[tuple[Callable[[Session], None], Broken]] = [
    (_remove_middle, Broken(3, How.REMOVED)),
    (_remove_middle_and_close_the_gap, Broken(3, How.REMOVED)),
    (_remove_first, Broken(1, How.REMOVED)),
    (_remove_last, Broken(6, How.CUT_OFF)),
    (_remove_last_and_the_note_of_it, Broken(6, How.CUT_OFF)),
    (_remove_all_and_the_note_of_it, Broken(1, How.CUT_OFF)),
    (_swap, Broken(3, How.REORDERED)),
    (_swap_far, Broken(2, How.REORDERED)),
    (_insert_middle, Broken(3, How.INSERTED)),
    (_insert_before, Broken(0, How.INSERTED)),
    (_insert_behind, Broken(7, How.INSERTED)),
    (_rewrite_one, Broken(4, How.UNLINKED)),
    (_rewrite_all, Broken(3, How.REWRITTEN)),
    (_lose_the_note, Broken(6, How.HEAD)),
    (_change_the_note, Broken(6, How.HEAD)),
]


@pytest.mark.parametrize(("edit", "broken"), EDITS, ids=[edit.__name__.strip("_") for edit, _broken in EDITS])
def test_every_edit_is_found(
    owned: Application, database: Database, edit: Callable[[Session], None], broken: Broken
) -> None:
    with database.transaction() as session:
        edit(session)
    assert examine(owned).broken == broken


def test_without_the_file_outside_it_says_that_there_was_nothing_to_compare_with(owned: Application) -> None:
    owned.settings.audit_head_file.unlink()
    verdict = examine(owned)
    assert (verdict.broken, verdict.outside, verdict.heads) == (None, False, 0)


def test_what_is_recorded_while_it_reads_is_no_breach(owned: Application) -> None:
    def meanwhile(read: int) -> None:
        if read == 2:
            record_alone(owned, Event.SIGN_OUT, None)

    assert examine(owned, meanwhile).broken is None
    assert examine(owned).entries == ENTRIES + 1


def test_that_it_was_verified_is_recorded_with_what_came_of_it(
    owned: Application, database: Database
) -> None:
    assert verify(owned, make_operator(database, "Alice", Role.ADMIN)).broken is None
    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 3).values(detail="x"))
    verify(owned, None)
    with database.read() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.event == "audit.verified")).all()
    assert [(e.actor_name, e.outcome, e.detail) for e in found] == [
        ("Alice", "done", "6"),
        ("shell", "failed", "changed 3"),
    ]


def test_only_an_admin_verifies(app: Application, database: Database) -> None:
    with pytest.raises(NotAllowed):
        verify(app, make_operator(database, "Bob", Role.SUPPORT))


def test_a_log_that_lost_its_end_takes_nothing_more(owned: Application, database: Database) -> None:
    with database.transaction() as session:
        _lose_the_note(session)
    with pytest.raises(SettingsError, match="damaged"):
        record_alone(owned, Event.SIGN_IN, None)
    assert verify(owned, None).broken == Broken(6, How.HEAD)


def test_a_file_that_cannot_be_read_is_named(owned: Application) -> None:
    owned.settings.audit_head_file.unlink()
    owned.settings.audit_head_file.mkdir()
    with pytest.raises(SettingsError, match=r"audit\.head"):
        examine(owned)
