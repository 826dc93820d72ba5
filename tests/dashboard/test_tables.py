"""What charts are given."""

from __future__ import annotations

from datetime import date

from core.i18n import language
from core.registrations.status import Status
from dashboard.tables import attention_frame, lapsing_frame, status_frame

COUNTS = {Status.CONNECTED: 5, Status.ATTENTION: 2, Status.DRAFT: 0}


def test_statuses_come_in_their_own_order_without_empty_ones() -> None:
    frame = status_frame(COUNTS)
    assert list(frame.columns) == ["Status", "Registrations"]
    assert list(frame["Status"]) == ["Attention", "Connected"]
    assert list(frame["Status"].cat.categories) == ["Attention", "Connected"]
    assert list(frame["Registrations"]) == [2, 5]


def test_what_needs_attention_shows_its_noughts_worst_first() -> None:
    frame = attention_frame(COUNTS)
    assert list(frame["Status"]) == ["Reconnect needed", "Exact outage", "Attention", "Partly connected"]
    assert list(frame["Registrations"]) == [0, 0, 2, 0]


def test_consents_come_by_day() -> None:
    frame = lapsing_frame([(date(2026, 10, 25), 3), (date(2026, 10, 26), 0)])
    assert [day.date() for day in frame["Day"]] == [date(2026, 10, 25), date(2026, 10, 26)]
    assert list(frame["Consents"]) == [3, 0]


def test_nothing_to_show_is_an_empty_frame() -> None:
    assert status_frame({}).empty
    assert lapsing_frame([]).empty


def test_the_words_are_in_the_language_of_the_reader() -> None:
    with language("nl"):
        assert len(status_frame(COUNTS).columns) == 2
