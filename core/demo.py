"""A dozen fictional customers in every state, made by the same use cases that operators use.

Time is moved into the past for it, so that they have an age: the first came six weeks ago.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select, update

from core import clock
from core.accounts.operators import add_with_hash
from core.accounts.passwords import hash_password
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.demo_people import OPERATORS, PASSWORD
from core.exact.errors import ExactError
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.drafts import save_draft
from core.registrations.outcomes import Outcome
from core.registrations.register import disconnect, register, set_active
from core.registrations.registration import registration
from core.registrations.settle import settle_due
from core.registrations.views import RegistrationForm
from core.storage.models import Operator, Registration

__all__ = ["OPERATORS", "PASSWORD", "add_operators", "is_planted", "plant"]
ACCOUNTANT = "kantoor@vandijk-accountants.example"
Divisions = Collection[int] | Literal["all"]


class PracticeExact(Protocol):
    """What the demo does behind the scenes at the simulated Exact Online."""

    def grant_code(self, environment: str, user: str, divisions: Divisions = "all") -> str: ...
    def set_scope(self, environment: str, user: str, divisions: Divisions) -> None: ...
    def revoke(self, environment: str, user: str) -> None: ...
    def add_fault(self, name: str, times: int | None = 1, **details: Any) -> None: ...  # noqa: ANN401
    def clear_faults(self, name: str = "") -> None: ...


def add_operators(app: Application) -> None:
    """The three people of the demo, those that are not there yet."""
    with app.database.read() as session:
        known = set(session.scalars(select(Operator.email)))
    for operator in OPERATORS:
        if operator.email not in known:
            add_with_hash(app, operator.email, operator.name, operator.role, hash_password(PASSWORD))


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
    settle_due(app)
    _let_it_be(app)


def _let_it_be(app: Application) -> None:
    """The keeper would heal half of them within a minute: it comes by tomorrow."""
    tomorrow = clock.now() + timedelta(hours=20)
    later = update(Registration).where(Registration.next_check_at.is_not(None))
    with app.database.transaction() as session:
        session.execute(later.values(next_check_at=tomorrow))


def _staff(app: Application) -> tuple[CurrentOperator, CurrentOperator]:
    """Support, who does the work, and the account manager, who owns the customers."""
    with app.database.read() as session:
        rows = {row.email: row for row in session.scalars(select(Operator))}
    found = [rows[operator.email] for operator in OPERATORS[:2]]
    support, manager = (
        CurrentOperator(row.id, row.email, row.name, Role(row.role), address="192.0.2.14") for row in found
    )
    return support, manager


@contextmanager
def _ago(days: float = 0, hours: float = 0) -> Iterator[None]:
    with clock.shifted(-timedelta(days=days, hours=hours)):
        yield


class _Garden:
    """Where the customers are planted: by support, at a practice Exact, owned by the account manager."""

    def __init__(
        self, app: Application, exact: PracticeExact, support: CurrentOperator, manager: CurrentOperator
    ) -> None:
        self.app, self.exact, self.support, self.manager = app, exact, support, manager

    def connected(self) -> None:
        """In order, each in its own way."""
        bakker = self._connect(41, "Bakker B.V.", "nl", "info@bakkerbv.example", reference="K-1002")
        self._check(bakker, 20, 5, 0.1)
        jansen = self._connect(
            12, "Jansen Installatietechniek B.V.", "nl", "kantoor@jansen-techniek.example", reference="K-1003"
        )
        self._check(jansen, 4, 0.2)
        parts = self._connect(6, "Premium Parts International B.V.", "nl", "admin@premiumparts.example")
        self._check(parts, 1)
        brewery = self._connect(
            9, "Brouwerij Peeters NV", "be", "compta@peeters.example", note="Spreekt liever Frans."
        )
        self._check(brewery, 2)

    def accountant(self) -> None:
        """Three customers behind one login, and one who left while the others stayed."""
        for days, name, codes in (
            (16, "Van Dijk Accountants B.V.", {2000001, 2000002, 2000003}),
            (15, "Aalbers Advies B.V.", {2001001, 2001002}),
            (14, "Blom Groep B.V.", {2001005, 2001007, 2001008}),
        ):
            last = self._connect(days, name, "nl", ACCOUNTANT, codes=codes, reference="VD")
        left = self._connect(13, "Coster Holding B.V.", "nl", ACCOUNTANT, codes={2001009, 2001011})
        for shared in (last, last - 1, last - 2):
            self._check(shared, 3)
        with _ago(days=2):
            disconnect(self.app, self.support, left)

    def in_trouble(self) -> None:
        """Those that need somebody."""
        stale = self._connect(19, "Visser & Zoon V.O.F.", "nl", "visser@visserenzoon.example")
        self._check(stale, 18)  # and nobody looked since: it lapses in twelve days
        self._narrowed()
        self._revoked()
        outage = self._connect(7, "Janssens Bouw BV", "be", "info@janssens.example")
        self.exact.add_fault("unavailable", None, environment="be")
        self._check(outage, 0.05)
        self.exact.clear_faults()
        paused = self._connect(25, "Weber Handels GmbH", "de", "office@weber-handel.example")
        with _ago(days=3):
            set_active(self.app, self.support, paused, active=False)

    def under_way(self) -> None:
        """Not finished yet."""
        self._connect(
            0.2, "Müller Maschinenbau GmbH", "de", "buchhaltung@mueller-maschinenbau.example", codes=set()
        )
        waiting = self._register(1, "Maes Dubois SRL", "be", note="Belt terug na vrijdag.")
        with _ago(days=0.9):
            create_customer_link(self.app, self.support, waiting)
        with _ago(hours=3):
            form = RegistrationForm(
                name="Stichting Dierenpark Zonneveld", environment="nl", owner_id=self.manager.id
            )
            save_draft(self.app, self.support, None, form)

    def _narrowed(self) -> None:
        user = "finance@devrieslogistiek.example"
        partly = self._connect(10, "De Vries Logistiek B.V.", "nl", user, reference="K-1004")
        with _ago(days=1):
            self.exact.set_scope("nl", user, {1004001, 1004002})
        self._check(partly, 0.9)

    def _revoked(self) -> None:
        user = "kontor@schmidt-soehne.example"
        refused = self._connect(11, "Schmidt & Söhne GmbH", "de", user)
        self._check(refused, 2)
        with _ago(days=1):
            self.exact.revoke("de", user)
        self._check(refused, 0.9, 0.5, 0.3, 0.1)

    def _register(self, days: float, name: str, environment: str, reference: str = "", note: str = "") -> int:
        form = RegistrationForm(name, environment, True, reference, self.manager.id, note)
        with _ago(days=days):
            return register(self.app, self.support, None, form)

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
    ) -> int:
        """Register, and the customer's consent an hour later; ``codes`` None links all that can be linked."""
        number = self._register(days, name, environment, reference, note)
        with _ago(days=days, hours=-1 / 24):
            self._consent(number, environment, user)
            chosen = self._linkable(number) if codes is None else codes
            if chosen:
                save_administrations(self.app, self.support, number, chosen)
        return number

    def _consent(self, number: int, environment: str, user: str) -> None:
        begun = begin_consent(self.app, self.support, create_consent(self.app, self.support, number))
        [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
        code = self.exact.grant_code(environment, user)
        answer = [("code", code), ("state", state)]
        result = complete_consent(
            self.app, answer, begun.browser_token, self.support.id, self.support.address
        )
        if result.outcome is not Outcome.GRANTED:
            raise RuntimeError(f"the demo could not connect {user}: {result.outcome}")

    def _linkable(self, number: int) -> set[int]:
        found = registration(self.app, self.support, number).administrations
        return {a.code for a in found if a.available and not a.blocked and not a.inactive}

    def _check(self, number: int, *days: float) -> None:
        for moment in days:
            with _ago(days=moment), suppress(ExactError):  # the failure is recorded, which is the point
                check_now(self.app, self.support, number)
