"""What is kept beside the facts agrees with them, always."""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.application import Application
from core.registrations.register import delete, disconnect, set_active
from core.registrations.registration import registration
from core.registrations.settle import settle_due
from core.registrations.status import Status
from core.registrations.timeline import timeline
from tests.factories import make_administration, make_connected, make_operator, make_registration
from tests.support.recount import differences


def check_copies(app: Application) -> None:
    """Every stored status, counter and copy is what the facts say now."""
    assert differences(app.database, app.settings, clock.now()) == []


def test_copies_and_counters_follow_whatever_happens(app: Application) -> None:
    alice = make_operator(app.database)
    numbers = [make_connected(app.database, administrations=2, owner_id=alice.id) for _n in range(4)]
    make_registration(app.database)
    make_administration(app.database, numbers[0], permitted=False)
    check_copies(app)
    set_active(app, alice, numbers[1], False)
    disconnect(app, alice, numbers[2])
    delete(app, alice, numbers[3])
    check_copies(app)
    assert registration(app, alice, numbers[0]).status is Status.PARTLY_CONNECTED


def test_green_turns_when_the_news_grows_old(app: Application) -> None:
    alice = make_operator(app.database)
    number = make_connected(app.database)
    assert settle_due(app) == 0
    with clock.shifted(timedelta(days=8, seconds=1)):
        assert settle_due(app) == 1
        view = registration(app, alice, number)
        assert view.status is Status.ATTENTION
        assert "no successful check" in view.status_sentence
        assert settle_due(app) == 0
        check_copies(app)
    assert timeline(app, alice, number)[0].kind == "status"


def test_an_unused_consent_lapses(app: Application) -> None:
    alice = make_operator(app.database)
    number = make_connected(app.database)
    with clock.shifted(timedelta(days=30, seconds=1)):
        while settle_due(app):
            pass
        assert registration(app, alice, number).status is Status.RECONNECT_NEEDED


def test_a_paused_one_stays_paused(app: Application) -> None:
    alice = make_operator(app.database)
    number = make_connected(app.database, active=False)
    with clock.shifted(timedelta(days=40)):
        assert settle_due(app) == 1  # its consent has lapsed, which its owner has to hear
        assert registration(app, alice, number).status is Status.PAUSED
        assert settle_due(app) == 0
