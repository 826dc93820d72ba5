"""A dozen fictional customers in every state, made by the same use cases that operators use.

Time is moved into the past for it, so that they have an age: the first came six weeks ago. What is wrong with some of
them is really so at the practice Exact, and was found by the keeper.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from core import clock
from core.accounts.operators import add_with_hash
from core.accounts.passwords import hash_password
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.demo_life import Event, go_on, live
from core.demo_people import OPERATORS, PASSWORD
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.drafts import save_draft
from core.registrations.outcomes import Outcome
from core.registrations.register import disconnect, register, set_active
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.storage.models import Operator, Registration

__all__ = ["OPERATORS", "PASSWORD", "add_operators", "go_on", "in_the_beginning", "is_planted", "plant"]
ACCOUNTANT = "kantoor@vandijk-accountants.example"
FIRST_DAY = 42
"""Days ago."""
ARCHIVED = 2
"""What Exact calls the status of an administration that was archived."""
Divisions = Collection[int] | Literal["all"]


class PracticeExact(Protocol):
    """What the demo does behind the scenes at the simulated Exact Online."""

    def grant_code(self, environment: str, user: str, divisions: Divisions = "all") -> str: ...
    def set_scope(self, environment: str, user: str, divisions: Divisions) -> None: ...
    def revoke(self, environment: str, user: str) -> None: ...
    def begin_outage(self, environment: str, user: str) -> None: ...
    def set_division(self, environment: str, code: int, *, status: int | None = None) -> None: ...


def add_operators(app: Application) -> None:
    """The three people of the demo, those that are not there yet."""
    with app.database.read() as session:
        known = set(session.scalars(select(Operator.email)))
    for operator in OPERATORS:
        if operator.email not in known:
            add_with_hash(app, operator.email, operator.name, operator.role, hash_password(PASSWORD))


@contextmanager
def in_the_beginning() -> Iterator[None]:
    """The day on which the demo's operators began, before the first customer."""
    with clock.shifted(-timedelta(days=FIRST_DAY)):
        yield


def is_planted(app: Application) -> bool:
    """Whether there are customers already."""
    with app.database.read() as session:
        return session.scalar(select(Registration.id).limit(1)) is not None


def plant(app: Application, exact: PracticeExact) -> None:
    """Make the customers."""
    garden = _Garden(app, exact, *_staff(app))
    garden.connected()
    garden.accountant()
    garden.in_trouble()
    garden.under_way()
    live(app, garden.events)


def _staff(app: Application) -> tuple[CurrentOperator, CurrentOperator]:
    """Support, who does the work, and the account manager, who owns the customers."""
    with app.database.read() as session:
        rows = {row.email: row for row in session.scalars(select(Operator))}
    found = [rows[operator.email] for operator in OPERATORS[:2]]
    support, manager = (
        CurrentOperator(row.id, row.email, row.name, Role(row.role), address="192.0.2.14") for row in found
    )
    return support, manager


class _Garden:
    """What happens to the customers: by support, at a practice Exact, owned by the account manager."""

    def __init__(
        self, app: Application, exact: PracticeExact, support: CurrentOperator, manager: CurrentOperator
    ) -> None:
        self.app, self.exact, self.support, self.manager = app, exact, support, manager
        self.events: list[Event] = []
        self._numbers: dict[str, int] = {}

    def connected(self) -> None:
        """In order, each in its own way."""
        self._connect(41, "Bakker B.V.", "nl", "info@bakkerbv.example", reference="K-1002")
        self._connect(
            12, "Jansen Installatietechniek B.V.", "nl", "kantoor@jansen-techniek.example", reference="K-1003"
        )
        self._connect(6, "Premium Parts International B.V.", "nl", "admin@premiumparts.example")
        self._connect(9, "Brouwerij Peeters NV", "be", "compta@peeters.example", note="Spreekt liever Frans.")

    def accountant(self) -> None:
        """Three customers behind one login, and one who left while the others stayed."""
        for days, name, codes in (
            (16, "Van Dijk Accountants B.V.", {2000001, 2000002, 2000003}),
            (15, "Aalbers Advies B.V.", {2001001, 2001002}),
            (14, "Blom Groep B.V.", {2001005, 2001007, 2001008}),
        ):
            self._connect(days, name, "nl", ACCOUNTANT, codes=codes, reference="VD")
        left = "Coster Holding B.V."
        self._connect(13, left, "nl", ACCOUNTANT, codes={2001009, 2001011})
        self._at(2, lambda: disconnect(self.app, self.support, self._numbers[left]))

    def in_trouble(self) -> None:
        """Those that need somebody, since something happened at Exact."""
        archived = "Visser & Zoon V.O.F."
        self._connect(19, archived, "nl", "visser@visserenzoon.example")
        self._at(1.5, lambda: self._archive(archived))
        user = "finance@devrieslogistiek.example"
        self._connect(10, "De Vries Logistiek B.V.", "nl", user, reference="K-1004")
        self._at(1.5, lambda: self.exact.set_scope("nl", user, {1004001, 1004002}))
        refused = "kontor@schmidt-soehne.example"
        self._connect(11, "Schmidt & Söhne GmbH", "de", refused)
        self._at(2, lambda: self.exact.revoke("de", refused))
        outage = "info@janssens.example"
        self._connect(7, "Janssens Bouw BV", "be", outage)
        self._at(1.1, lambda: self.exact.begin_outage("be", outage))
        paused = "Weber Handels GmbH"
        self._connect(25, paused, "de", "office@weber-handel.example")
        self._at(3, lambda: set_active(self.app, self.support, self._numbers[paused], active=False))

    def under_way(self) -> None:
        """Not finished yet."""
        self._connect(
            0.2, "Müller Maschinenbau GmbH", "de", "buchhaltung@mueller-maschinenbau.example", codes=set()
        )
        waiting = "Maes Dubois SRL"
        self._register(1, waiting, "be", note="Belt terug na vrijdag.")
        self._at(0.9, lambda: create_customer_link(self.app, self.support, self._numbers[waiting]))
        denied = "Hoekstra Interieurbouw B.V."
        self._register(0.5, denied, "nl", reference="K-1005")
        self._at(0.498, lambda: self._deny(self._numbers[denied]))
        form = RegistrationForm(
            name="Stichting Dierenpark Zonneveld", environment="nl", owner_id=self.manager.id
        )
        self._at(0.125, lambda: save_draft(self.app, self.support, None, form))

    def _at(self, days: float, act: Callable[[], object]) -> None:
        self.events.append((days, act))

    def _register(
        self, days: float, name: str, environment: str, reference: str = "", note: str = ""
    ) -> None:
        form = RegistrationForm(name, environment, True, reference, self.manager.id, note)

        def act() -> None:
            self._numbers[name] = register(self.app, self.support, None, form)

        self._at(days, act)

    def _connect(
        self,
        days: float,
        name: str,
        environment: str,
        user: str,
        *,
        codes: Collection[int] | None = None,
        reference: str = "",
        note: str = "",
    ) -> None:
        """Register, and the customer's consent three minutes later; ``codes`` None links all that can be linked."""
        self._register(days, name, environment, reference, note)

        def act() -> None:
            self._consent(self._numbers[name], environment, user)
            chosen = self._linkable(name) if codes is None else codes
            if chosen:
                save_administrations(self.app, self.support, self._numbers[name], chosen)

        self._at(days - 0.002, act)

    def _consent(self, number: int, environment: str, user: str) -> None:
        outcome = self._go_to_exact(number, lambda: ("code", self.exact.grant_code(environment, user)))
        if outcome is not Outcome.GRANTED:
            raise RuntimeError(f"the demo could not connect {user}: {outcome}")

    def _deny(self, number: int) -> None:
        """The customer presses Deny at Exact."""
        self._go_to_exact(number, lambda: ("error", "access_denied"))

    def _go_to_exact(self, number: int, answer: Callable[[], tuple[str, str]]) -> Outcome:
        """Connect is pressed, and the browser comes back with what Exact answered."""
        begun = begin_consent(self.app, self.support, create_consent(self.app, self.support, number))
        [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
        query = [answer(), ("state", state)]
        return complete_consent(
            self.app, query, begun.browser_token, self.support.id, self.support.address
        ).outcome

    def _linkable(self, name: str) -> set[int]:
        found = registration(self.app, self.support, self._numbers[name]).administrations
        return {a.code for a in found if a.available and not a.blocked and not a.inactive}

    def _archive(self, name: str) -> None:
        """The customer archives at Exact all that is linked here."""
        for administration in registration(self.app, self.support, self._numbers[name]).linked:
            self.exact.set_division("nl", administration.code, status=ARCHIVED)
