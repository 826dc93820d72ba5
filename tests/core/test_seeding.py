"""Made-up registrations keep the same promises as real ones."""

from __future__ import annotations

from sqlalchemy import select, text

from core import clock
from core.application import Application
from core.registrations.settle import settle
from core.registrations.status import Status
from core.seeding import seed
from core.storage import counters
from core.storage.models import Registration
from tests.factories import make_registration


def test_every_status_is_the_one_that_follows_from_the_facts(app: Application) -> None:
    seed(app, 40, 3)

    with app.database.transaction() as session:
        rows = session.scalars(select(Registration)).all()
        before = {row.id: (row.status, row.status_reason, row.administrations_linked) for row in rows}
        for row in rows:
            settle(session, app.settings, row, clock.now())
        after = {row.id: (row.status, row.status_reason, row.administrations_linked) for row in rows}
    assert after == before
    assert len({status for status, _reason, _linked in before.values()}) >= 6


def test_the_counters_agree_with_the_rows(app: Application) -> None:
    seed(app, 40, 3)

    with app.database.read() as session:
        kept = counters.read_all(session)
        rows = session.execute(text("SELECT status, count(*) FROM registrations GROUP BY status"))
        counted = {f"status:{status}": count for status, count in rows}
        linked = session.scalar(text("SELECT count(*) FROM administrations WHERE linked"))
    assert kept == {**counted, "administrations": linked}


def test_seeding_again_adds_more(app: Application) -> None:
    seed(app, 20, 0)
    seed(app, 20, 0)

    with app.database.read() as session:
        assert len(session.scalars(select(Registration.id)).all()) == 40


def test_real_registrations_can_follow(app: Application) -> None:
    seed(app, 3, 0)

    assert make_registration(app.database) == 4


def test_one_in_order_is_connected(app: Application) -> None:
    seed(app, 1, 1)

    with app.database.read() as session:
        assert session.scalars(select(Registration.status)).all() == [Status.CONNECTED]
