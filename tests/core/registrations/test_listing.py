"""The lists show what is asked, in the order that is asked, on both databases alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import NotAllowed
from core.registrations import paging
from core.registrations.listing import (
    ADMINISTRATION_SORTS,
    REGISTRATION_SORTS,
    WITHOUT_OWNER,
    AdministrationQuery,
    AdministrationRow,
    RegistrationQuery,
    RegistrationRow,
    iterate_administrations,
    iterate_registrations,
    list_administrations,
    list_registrations,
)
from core.registrations.names import name_key
from core.registrations.query import ListQuery, Page
from core.registrations.register import edit, set_active
from core.registrations.views import RegistrationForm
from core.storage.database import Database
from tests.factories import make_administration, make_connected, make_operator, make_registration

Row = RegistrationRow | AdministrationRow


def _in_force(name: str) -> int:
    """A bound that ``small`` may have lowered."""
    return int(getattr(paging, name))


def _key(row: Row, sort: str) -> tuple[Any, ...]:
    """What the table sorts by, told from the row alone."""
    name = name_key(row.name)
    by_name = {"environment", "status", "active"} | ({"owner"} if isinstance(row, RegistrationRow) else set())
    values: dict[str, Callable[[], Any]] = {
        "name": lambda: name,
        "owner": lambda: name_key(row.owner_name),
        "registration": lambda: name_key(row.registration_name),  # type: ignore[union-attr]
    }
    value = values.get(sort, lambda: getattr(row, sort))()
    return (value, name, row.id) if sort in by_name else (value, row.id)


def _sorted(rows: list[Any], query: ListQuery) -> list[int]:
    known = [row for row in rows if _key(row, query.sort)[0] is not None]
    unset = [row for row in rows if _key(row, query.sort)[0] is None]
    known.sort(key=lambda row: _key(row, query.sort), reverse=query.descending)
    unset.sort(key=lambda row: row.id, reverse=query.descending)
    return [row.id for row in (*known, *unset)]


def _matches(row: Any, query: ListQuery) -> bool:
    term = name_key(query.search)
    texts = [name_key(row.name), getattr(row, "reference", "").lower()]
    starts = (
        str(row.code).startswith(term) if isinstance(row, AdministrationRow) and term.isdigit() else False
    )
    found = any(term in words for words in texts) if len(term) >= 3 else texts[0].startswith(term)
    return (
        (found or starts)
        and query.status in ("", row.status)
        and query.environment in ("", row.environment)
        and query.active in (None, row.active)
        and query.owner_id in (None, row.owner_id or WITHOUT_OWNER)
    )


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "connected"},
    {"status": "attention"},
    {"environment": "nl"},
    {"environment": "be"},
    {"active": True},
    {"active": False},
    {"owner_id": 2},
    {"owner_id": WITHOUT_OWNER},
    {"status": "connected", "environment": "nl"},
    {"search": "b.v"},
    {"search": "b.v", "status": "connected"},
    {"search": "holding"},
    {"search": "van"},
    {"search": "va"},
    {"search": "de", "environment": "nl"},
    {"search": "B", "status": "connected"},
    {"search": "k1000"},
    {"search": "100"},
    {"search": "10000"},
    {"search": "1"},
    {"search": "nobody is called this"},
)


def _check(
    show: Callable[[Any], Page[Any]], everything: list[Any], make: type[ListQuery], sorts: tuple[str, ...]
) -> None:
    assert everything
    for number, given in enumerate(FILTERS):
        # Every sort in both directions without a filter and with one; a few of them with each other filter.
        chosen = sorts if number < 3 else (sorts[number % len(sorts)], "name")
        for sort in dict.fromkeys(chosen):
            for descending in (False, True):
                _check_pages(show, everything, make(**given, sort=sort, descending=descending))


def _check_pages(show: Callable[[Any], Page[Any]], everything: list[Any], query: ListQuery) -> None:
    expected = _sorted([row for row in everything if _matches(row, query)], query)
    limit, size = _in_force("COUNT_LIMIT"), _in_force("PAGE_SIZE")
    first = show(query)
    assert first.count == min(len(expected), limit), query
    assert first.more == (len(expected) > limit), query
    assert first.pages == max(1, -(-first.count // size)), query
    for number in {1, 2, first.pages}:
        asked = type(query)(**(vars(query) | {"page": number}))
        page = show(asked)
        assert page.number == min(number, first.pages)
        start = (page.number - 1) * size
        assert [row.id for row in page.rows] == expected[start : start + size], asked


@pytest.mark.usefixtures("small")
def test_registrations_come_as_asked_when_there_are_many(seeded: Application, admin: CurrentOperator) -> None:
    _registrations_come_as_asked(seeded, admin)


def test_registrations_come_as_asked_when_there_are_few(seeded: Application, admin: CurrentOperator) -> None:
    _registrations_come_as_asked(seeded, admin)


def _registrations_come_as_asked(app: Application, by: CurrentOperator) -> None:
    make_registration(app.database, "Zonder eigenaar B.V.", environment="be", reference="K1000X")
    everything = list(iterate_registrations(app, by, RegistrationQuery()))
    _check(lambda q: list_registrations(app, by, q), everything, RegistrationQuery, REGISTRATION_SORTS)


@pytest.mark.usefixtures("small")
def test_administrations_come_as_asked_when_there_are_many(
    seeded: Application, admin: CurrentOperator
) -> None:
    _administrations_come_as_asked(seeded, admin)


def test_administrations_come_as_asked_when_there_are_few(
    seeded: Application, admin: CurrentOperator
) -> None:
    _administrations_come_as_asked(seeded, admin)


def _administrations_come_as_asked(app: Application, by: CurrentOperator) -> None:
    lonely = make_registration(app.database, "Zonder eigenaar B.V.", environment="be")
    make_administration(app.database, lonely, "100 procent", code=100_123_456)
    everything = list(iterate_administrations(app, by, AdministrationQuery()))
    _check(lambda q: list_administrations(app, by, q), everything, AdministrationQuery, ADMINISTRATION_SORTS)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_an_export_holds_what_the_filter_shows_by_name(
    seeded: Application, admin: CurrentOperator, given: dict[str, Any]
) -> None:
    everything: list[Any] = list(iterate_registrations(seeded, admin, RegistrationQuery()))
    query = RegistrationQuery(**given)
    expected = _sorted([row for row in everything if _matches(row, query)], query)
    assert [row.id for row in iterate_registrations(seeded, admin, query)] == expected
    everything = list(iterate_administrations(seeded, admin, AdministrationQuery()))
    other = AdministrationQuery(**given)
    expected = _sorted([row for row in everything if _matches(row, other)], other)
    assert [row.id for row in iterate_administrations(seeded, admin, other)] == expected


def test_a_row_says_what_the_table_shows(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    now = clock.now()
    owner = make_operator(database, "Bob", Role.ACCOUNT_MANAGER)
    number = make_connected(
        database, "Test B.V.", administrations=2, owner_id=owner.id, reference="K7", at=now
    )
    (row,) = list_registrations(app, admin, RegistrationQuery()).rows
    assert (row.id, row.name, row.environment, row.status) == (number, "Test B.V.", "nl", "connected")
    assert (row.active, row.owner_name, row.reference) == (True, "Bob", "K7")
    assert (row.administrations_linked, row.last_success_at, row.last_checked_at) == (2, now, now)
    assert row.lapses_at == now + timedelta(days=30)
    assert row.days_left == 29
    (first, second) = list_administrations(app, admin, AdministrationQuery(sort="code")).rows
    assert (first.registration_id, first.registration_name) == (number, "Test B.V.")
    assert (first.status, first.owner_name, first.environment) == ("connected", "Bob", "nl")
    assert first.code < second.code


def test_a_lapsed_consent_has_no_days_left(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    make_connected(database, "Test B.V.")
    with clock.shifted(timedelta(days=33)):
        (row,) = list_registrations(app, admin, RegistrationQuery()).rows
    assert row.days_left is not None
    assert row.days_left < 0


def test_only_linked_administrations_are_listed_and_found(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    number = make_registration(database, "Test B.V.")
    make_administration(database, number, "Gekoppeld")
    make_administration(database, number, "Losgekoppeld", linked=False)
    for query in (AdministrationQuery(), AdministrationQuery(search="gekoppeld")):
        assert [row.name for row in list_administrations(app, admin, query).rows] == ["Gekoppeld"]
        assert [row.name for row in iterate_administrations(app, admin, query)] == ["Gekoppeld"]


def test_a_draft_is_in_the_table_so_that_it_can_be_continued(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    make_registration(database, "", submitted_at=None)
    (row,) = list_registrations(app, admin, RegistrationQuery(status="draft")).rows
    assert row.status == "draft"


def test_renaming_and_pausing_is_seen_in_both_lists_at_once(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    number = make_connected(database, "Oude naam")
    edit(app, admin, number, RegistrationForm(name="Alle nieuws", environment="nl", owner_id=admin.id))
    set_active(app, admin, number, False)
    (row,) = list_registrations(app, admin, RegistrationQuery(search="nieuw", active=False)).rows
    assert (row.name, row.owner_name) == ("Alle nieuws", "Alice")
    assert list_registrations(app, admin, RegistrationQuery(search="oude")).rows == ()
    (other,) = list_administrations(app, admin, AdministrationQuery(owner_id=admin.id, active=False)).rows
    assert (other.registration_name, other.status) == ("Alle nieuws", "paused")


def test_case_and_accents_make_no_difference_to_search(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    make_registration(database, "Coöperatie Één U.A.")
    for words in ("COOPERATIE EEN", "coöp", "één", " een  u.a. ", "co"):
        assert list_registrations(app, admin, RegistrationQuery(search=words)).count == 1, words


@pytest.mark.parametrize(
    "words",
    [
        '"',
        '""" OR "',
        "'; DROP TABLE registrations; --",
        "100%",
        "a_b",
        "\\\\\\",
        "\x00abc",
        "*" * 500,
        "—–-",
        "漢字漢字",
    ],
)
def test_odd_searches_find_nothing_and_break_nothing(
    app: Application, database: Database, admin: CurrentOperator, words: str
) -> None:
    make_connected(database, "Test B.V. 1005 axb")
    assert list_registrations(app, admin, RegistrationQuery(search=words)).count == 0
    assert list_administrations(app, admin, AdministrationQuery(search=words)).count == 0


@pytest.mark.parametrize("words", ["50% korting", 'De "Gouden" Leeuw', "a_b c\\d", "漢字漢字"])
def test_odd_names_are_found(
    app: Application, database: Database, admin: CurrentOperator, words: str
) -> None:
    make_registration(database, f"Winkel {words} B.V.")
    make_registration(database, "Een ander")
    assert list_registrations(app, admin, RegistrationQuery(search=words)).count == 1


def test_an_unknown_sort_or_value_is_no_error(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    make_connected(database)
    assert list_registrations(app, admin, RegistrationQuery(sort="note; --", page=-3)).number == 1
    assert list_registrations(app, admin, RegistrationQuery(status="odd")).count == 0
    assert list_registrations(app, admin, RegistrationQuery(page=10**9)).number == 1


def test_an_empty_list_has_one_page(app: Application, admin: CurrentOperator) -> None:
    page = list_administrations(app, admin, AdministrationQuery())
    assert (page.rows, page.count, page.more, page.number, page.pages) == ((), 0, False, 1, 1)


def test_exporting_needs_the_right_to_export(
    app: Application, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.accounts.roles.PERMISSIONS", {Role.ADMIN: frozenset()})
    with pytest.raises(NotAllowed):
        list_registrations(app, admin, RegistrationQuery())
    with pytest.raises(NotAllowed):
        list_administrations(app, admin, AdministrationQuery())
    with pytest.raises(NotAllowed):
        iterate_registrations(app, admin, RegistrationQuery())
    with pytest.raises(NotAllowed):
        iterate_administrations(app, admin, AdministrationQuery())


def test_a_code_is_found_by_its_first_digits(seeded: Application, admin: CurrentOperator) -> None:
    (row,) = list_administrations(seeded, admin, AdministrationQuery(search="1000012")).rows
    assert row.code == 1_000_012
    assert list_administrations(seeded, admin, AdministrationQuery(search="00012")).count == 0
    assert list_administrations(seeded, admin, AdministrationQuery(search="12345678901")).count == 0
