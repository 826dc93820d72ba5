"""Recovering costs what is behind, not what is there: batch by batch, by the keeper's own turn."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, insert, select

from core import clock
from core.application import Application
from core.exact.oauth import TokenPair
from core.keeping.keeper import Keeper
from core.registrations.recovery import recover_chains
from core.storage.models import Grant, Registration
from core.tokens import archive
from core.tokens.grants import pair_columns
from core.tokens.records import Record, Spend, seal
from core.tokens.rekeying import rekey
from tests.factories import make_registration

MANY = 1_500
SEALED = 20_000
"""Bytes of one sealed answer: all of them together are thirty million."""
MOST = 6_000_000


def archive_many(app: Application, *, rows: bool) -> None:
    """As many chains of two answers as said, and the row of each, which holds the newest."""
    now, numbers = clock.now(), range(MANY)
    known = archive._answers
    with app.journal.archive._database().transaction() as session:
        for place, (parent, child) in enumerate((("old", "mid"), ("mid", "new"))):
            session.execute(
                known.insert(),
                [
                    {
                        "grant_id": f"grant-{n:05d}",
                        "parent": f"{parent}-{n}",
                        "child": f"{child}-{n}",
                        "registration_id": 0,
                        "consent_id": "",
                        "sealed": bytes(SEALED) if place else None,
                        "orphan": 0,
                        "at": now,
                    }
                    for n in numbers
                ],
            )
    if rows:
        head = app.vault.heads[0]
        with app.database.transaction() as session:
            session.execute(
                insert(Grant),
                [
                    {
                        "id": f"grant-{n:05d}",
                        "environment": "nl",
                        "client_id": "client",
                        "exact_user_id": f"user-{n}",
                        "live": True,
                        "created_at": now,
                        "fingerprint": f"new-{n}",
                        "refresh_token": head,
                        "error_moments": [],
                    }
                    for n in numbers
                ],
            )


@contextmanager
def peak() -> Iterator[list[int]]:
    """How many bytes were held at most while the block ran, in the list afterwards."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def test_as_many_consents_as_there_are_take_no_more_memory_than_a_batch(app: Application) -> None:
    archive_many(app, rows=True)
    with peak() as held:
        assert recover_chains(app) == 0
    assert held[0] < MOST


def test_so_do_chains_whose_rows_are_gone(app: Application) -> None:
    archive_many(app, rows=False)
    with peak() as held:
        assert recover_chains(app) == 0
    assert held[0] < MOST


def test_so_does_a_change_of_the_key(app: Application) -> None:
    archive_many(app, rows=False)
    with peak() as held:
        assert len(rekey(app).stuck) == MANY
    assert held[0] < MOST


def test_an_archive_that_knows_nothing_newer_is_not_opened(app: Application) -> None:
    """No sealed answer leaves the file, and no token leaves its row."""
    archive_many(app, rows=True)
    asked: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement.partition("WHERE")[0])

    engines = (app.database.engine, app.journal.archive._database().engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listen)
    try:
        recover_chains(app)
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", listen)
    assert asked
    assert not any("sealed" in words or "refresh_token" in words for words in asked)


def put_away(app: Application, grant_id: str, number: int, refresh_token: str, parent: str = "") -> None:
    """An answer to the code of registration ``number``, in the archive and nowhere else."""
    body = (
        f'{{"access_token": "a", "refresh_token": "{refresh_token}", "token_type": "bearer",'
        ' "expires_in": "600"}'
    )
    spend = Spend("nl", grant_id, parent, number)
    record = Record(spend, 200, {}, body.encode(), clock.now())
    names = app.vault.fingerprints(refresh_token)
    app.journal.remember(spend, names, seal(app.vault, record), clock.now())


def with_rows_of(app: Application) -> dict[int, str | None]:
    with app.database.read() as session:
        return dict(session.execute(select(Registration.id, Registration.candidate_grant_id)).all())


def test_of_two_consents_after_the_backup_the_younger_waits_whatever_their_rows_are_called(
    app: Application,
) -> None:
    number = make_registration(app.database, created_at=clock.now() - timedelta(days=1))
    put_away(app, "zz-older", number, "older")
    put_away(app, "aa-younger", number, "younger")
    Keeper(app).turn()
    assert with_rows_of(app)[number] == "aa-younger"


def test_what_another_chain_went_on_from_is_not_brought_back(app: Application) -> None:
    number = make_registration(app.database, created_at=clock.now() - timedelta(days=1))
    put_away(app, "a-spent", number, "spent")
    put_away(app, "b-other", 0, "next", parent=app.vault.fingerprints("spent")[0])
    Keeper(app).turn()
    assert with_rows_of(app)[number] is None


def test_what_a_row_holds_already_is_not_brought_back(app: Application) -> None:
    number = make_registration(app.database, created_at=clock.now() - timedelta(days=1))
    put_away(app, "a-moved", number, "held")
    pair = TokenPair("access", "held", clock.now())
    with app.database.transaction() as session:
        columns = pair_columns(app.vault, "b-row", pair)
        plain = {"environment": "nl", "client_id": "c", "created_at": clock.now(), "error_moments": []}
        session.execute(insert(Grant).values(id="b-row", exact_user_id="u", live=True, **plain, **columns))
    Keeper(app).turn()
    assert with_rows_of(app)[number] is None
