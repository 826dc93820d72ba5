"""Which registrations a pasted text names, and what the last failure of one means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.kinds import FailureKind
from core.exact.rules import Reconnect
from core.registrations.finding import MOST_FOUND, diagnosis_of, find_named
from core.registrations.phrases import numbers_in, phrases_in
from core.registrations.registration import registration
from core.storage.models import Registration
from tests.factories import make_administration, make_connected, make_registration

HOUR = timedelta(hours=1)


def names(app: Application, by: CurrentOperator, text: str) -> list[str]:
    return [row.name for row in find_named(app, by, text)]


@pytest.mark.parametrize(
    "text",
    [
        "Beste, de koppeling van Bakkerij Jansen B.V. doet het niet. NoDivisionAccess",
        "Bakkerij Jansen meldt: Old refresh token used.",
        "Klant: BAKKERIJ JANSEN BV\nReason: BlockedUser",
        "> het gaat om Bakkerij\n> Jansen, al sinds gisteren",
        "<p>Dit is <b>Bakkerij&nbsp;Jansen</b>.</p>",
        "https://x.example/?customer=Bakkerij%20Jansen&error=access_denied",
        "Administratie 797636 werkt niet meer (WrongDivision).",
        "GET /api/v1/797636/system/Divisions 403",
        "Onze administratie Jansen Vastgoed geeft een fout",
    ],
)
def test_the_registration_is_found_by_name_or_code(
    app: Application, admin: CurrentOperator, text: str
) -> None:
    number = make_connected(app.database, "Bakkerij Jansen B.V.", administrations=0)
    make_administration(app.database, number, "Jansen Vastgoed", code=797636)
    make_connected(app.database, "Bakkerij Pietersen B.V.")
    make_connected(app.database, "Slagerij Jansen B.V.")

    assert names(app, admin, text) == ["Bakkerij Jansen B.V."]


def test_the_longer_name_comes_first(app: Application, admin: CurrentOperator) -> None:
    make_registration(app.database, "Jansen")
    make_registration(app.database, "Bakkerij Jansen & Zn.")

    assert names(app, admin, "Mail van Bakkerij Jansen & Zn. over hun koppeling") == [
        "Bakkerij Jansen & Zn.",
        "Jansen",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Old refresh token used",
        "bel 0612345678 of kijk op order 2026-797636, dossier A797636",
        "Jan Jansen belde over zijn bakkerij",
        "' OR 1=1 --; DROP TABLE registrations; %_%",
        "\x00\ud800 \u202e" + "A" * 300,
    ],
)
def test_nothing_is_found_that_is_not_named(app: Application, admin: CurrentOperator, text: str) -> None:
    number = make_connected(app.database, "Bakkerij Jansen B.V.", administrations=0)
    make_administration(app.database, number, "Vastgoed", code=797636)

    assert names(app, admin, text) == []


def test_a_code_is_found_whole_or_not_at_all(app: Application, admin: CurrentOperator) -> None:
    number = make_connected(app.database, "Bakkerij Jansen B.V.", administrations=0)
    make_administration(app.database, number, "Vastgoed", code=7976361)

    assert names(app, admin, "administratie 797636") == []
    assert names(app, admin, "administratie 7976361.") == ["Bakkerij Jansen B.V."]


def test_a_few_are_enough(app: Application, admin: CurrentOperator) -> None:
    wanted = [f"Customer {word}" for word in ("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf")]
    for name in wanted:
        make_registration(app.database, name)

    assert len(names(app, admin, "; ".join(wanted))) == MOST_FOUND


def test_a_megabyte_is_searched_no_longer_than_a_page(app: Application, admin: CurrentOperator) -> None:
    make_registration(app.database, "Bakkerij Jansen")

    assert names(app, admin, "Bakkerij Jansen: " + "Woord Ander Woord 123456 " * 40_000) == [
        "Bakkerij Jansen"
    ]


@given(st.text())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert all(phrase.strip() for phrase in phrases_in(text))
    assert all(number.isdigit() for number in numbers_in(text))


@pytest.mark.parametrize(
    ("kind", "words", "reconnect"),
    [
        (FailureKind.FORBIDDEN, "BlockedUser", Reconnect.NO),
        (FailureKind.OUTAGE, "", Reconnect.NO),
        (FailureKind.REFUSED, "Old refresh token used.", Reconnect.NOT_YET),
    ],
)
def test_a_failure_since_the_last_success_has_a_meaning(
    app: Application, admin: CurrentOperator, kind: FailureKind, words: str, reconnect: Reconnect
) -> None:
    number = _failing(app, kind, words)

    found = diagnosis_of(registration(app, admin, number))

    assert found is not None
    assert found.diagnosis.words == words
    assert found.reconnect is reconnect


def test_a_failure_before_the_last_success_is_old_news(app: Application, admin: CurrentOperator) -> None:
    number = _failing(app, FailureKind.FORBIDDEN, "BlockedUser", ago=2 * HOUR)
    assert diagnosis_of(registration(app, admin, number)) is None


@pytest.mark.parametrize(("kind", "said"), [(FailureKind.REFUSED, True), (FailureKind.OUTAGE, False)])
def test_it_never_speaks_against_reconnect_needed(
    app: Application, admin: CurrentOperator, kind: FailureKind, said: bool
) -> None:
    number = _failing(app, kind, "", status="reconnect_needed", reason="refused")

    found = diagnosis_of(registration(app, admin, number))

    assert (found is not None) is said
    assert found is None or found.reconnect is Reconnect.YES


def test_what_is_paused_needs_no_meaning(app: Application, admin: CurrentOperator) -> None:
    number = _failing(app, FailureKind.OUTAGE, "", status="paused")
    assert diagnosis_of(registration(app, admin, number)) is None


def _failing(
    app: Application,
    kind: FailureKind,
    words: str,
    *,
    ago: timedelta = timedelta(0),
    status: str = "attention",
    reason: str = "",
) -> int:
    now = clock.now()
    number = make_connected(app.database, "Test B.V.", at=now - HOUR)
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        row.last_failure_at, row.last_failure_kind, row.last_failure_message = now - ago, kind.value, words
        row.status, row.status_reason = status, reason or f"failure_{kind.value}"
    return number
