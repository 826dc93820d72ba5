"""Every state of a registration, brought about by the front door: use cases, Exact, the keeper's turns and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError
from core.keeping.keeper import Keeper
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import begin_customer_consent, create_customer_link, open_customer_link
from core.registrations.drafts import save_draft
from core.registrations.next_action import Act, Who
from core.registrations.outcomes import ConsentResult
from core.registrations.register import disconnect, register, set_active
from core.registrations.settle import settle_due
from core.registrations.status import Status
from core.registrations.views import RegistrationForm
from tests.support.connecting import TEST_USER, connect, consent
from tests.support.worlds import World

ACCOUNTANT, BAKKER = "kantoor@vandijk-accountants.example", "info@bakkerbv.example"
CODES = (2000001, 2000002)
MINUTE, HOUR, DAY = 60, 3600, 86_400
NAME = "Test B.V."
THREE = ((TEST_USER, "Alfa B.V."), (BAKKER, "Bravo B.V."), (ACCOUNTANT, "Charlie B.V."))


@dataclass
class Hall:
    """Where a registration is brought into a state: an operator, a keeper, Exact and the time."""

    world: World
    by: CurrentOperator

    @property
    def app(self) -> Application:
        return self.world.app

    def draft(self, name: str) -> int:
        return save_draft(self.app, self.by, None, RegistrationForm(name=name, reference="K-1"))

    def registered(self) -> int:
        return register(self.app, self.by, None, RegistrationForm(name=NAME, environment="nl"))

    def connected(self, user: str = ACCOUNTANT, name: str = NAME) -> int:
        """Connected, and checked once by the keeper, an hour ago."""
        codes = CODES if user == ACCOUNTANT else None
        number = connect(self.app, self.by, self.world, name, user=user, codes=codes)
        self.pass_time(HOUR)
        self.pass_time(HOUR)
        return number

    def link(self, number: int) -> str:
        return urlsplit(create_customer_link(self.app, self.by, number)).path.rpartition("/")[2]

    def come_back(self, begun: Begun, **answer: str) -> ConsentResult:
        [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
        return complete_consent(self.app, [*answer.items(), ("state", state)], begun.browser_token, None)

    def deny_by_link(self, token: str) -> None:
        open_customer_link(self.app, token)
        self.come_back(begin_customer_consent(self.app, token), error="access_denied")

    def go(self, number: int, **answer: str) -> ConsentResult:
        """Connect was pressed, and Exact sends the browser back with this."""
        begun = begin_consent(self.app, self.by, create_consent(self.app, self.by, number))
        return self.come_back(begun, **answer)

    def consent_by(self, number: int, user: str) -> ConsentResult:
        return self.go(number, code=self.world.engine.grant_code("nl", user))

    def check(self, number: int) -> None:
        with suppress(ExactError):
            check_now(self.app, self.by, number)

    def pass_time(self, seconds: float) -> None:
        """Time passes at once, then the keeper has its turn."""
        self.world.advance(seconds)
        Keeper(self.app).turn()

    def live(self, hours: float) -> None:
        """The keeper has a turn every half hour."""
        for _turn in range(round(hours * 2)):
            self.pass_time(HOUR / 2)

    def fail(self, fault: str, **where: object) -> None:
        self.world.engine.add_fault(fault, times=None, **where)


@dataclass(frozen=True)
class State:
    """One state, and what is to be said of it everywhere."""

    name: str
    make: Callable[[Hall], int]
    status: Status
    who: Who
    act: Act


def _link_opened(hall: Hall) -> int:
    number = hall.registered()
    open_customer_link(hall.app, hall.link(number))
    return number


def _link_expired(hall: Hall) -> int:
    number = hall.registered()
    hall.link(number)
    hall.pass_time(8 * DAY)
    return number


def _link_made(hall: Hall) -> int:
    number = hall.registered()
    hall.link(number)
    return number


def _denied_by_link(hall: Hall) -> int:
    number = hall.registered()
    hall.deny_by_link(hall.link(number))
    return number


def _denied(hall: Hall) -> int:
    number = hall.registered()
    hall.go(number, error="access_denied")
    return number


def _asked_again(hall: Hall) -> int:
    number = _denied_by_link(hall)
    hall.world.advance(MINUTE)
    hall.link(number)
    return number


def _exact_error(hall: Hall) -> int:
    number = hall.registered()
    hall.go(number, error="server_error")
    return number


def _no_answer(hall: Hall) -> int:
    number = hall.registered()
    hall.fail("unavailable", endpoint="token")
    hall.consent_by(number, TEST_USER)
    hall.world.engine.clear_faults()
    return number


def _unknown_app(hall: Hall) -> int:
    number = hall.registered()
    hall.fail("custom", endpoint="token", status=400, body='{"error":"invalid_client"}')
    hall.consent_by(number, TEST_USER)
    return number


def _choosing(hall: Hall) -> int:
    number = hall.registered()
    consent(hall.app, hall.by, hall.world, number)
    return number


def _nameless_consent(hall: Hall) -> int:
    number = hall.registered()
    hall.fail("unavailable", endpoint="me")
    hall.consent_by(number, TEST_USER)
    return number


def _other_login(hall: Hall) -> int:
    number = hall.connected()
    hall.consent_by(number, BAKKER)
    return number


def _other_login_while_down(hall: Hall) -> int:
    number = _other_login(hall)
    hall.fail("unavailable")
    hall.pass_time(DAY)
    return number


def _narrowed(hall: Hall) -> int:
    number = hall.connected()
    hall.world.engine.set_scope("nl", ACCOUNTANT, {CODES[0]})
    hall.pass_time(DAY)
    return number


def _none_works(hall: Hall) -> int:
    number = hall.connected()
    for code in CODES:
        hall.world.engine.set_division("nl", code, status=2)
    hall.pass_time(DAY)
    return number


def _changed(*, status: int | None = None, blocking: int | None = None) -> Callable[[Hall], int]:
    def make(hall: Hall) -> int:
        number = hall.connected()
        hall.world.engine.set_division("nl", CODES[0], status=status, blocking=blocking)
        hall.pass_time(DAY)
        return number

    return make


def _shut(fault: str) -> Callable[[Hall], int]:
    def make(hall: Hall) -> int:
        number = hall.connected()
        hall.fail(fault, division=CODES[1], endpoint="divisions")
        hall.pass_time(DAY)
        return number

    return make


def _failing(fault: str, **where: object) -> Callable[[Hall], int]:
    def make(hall: Hall) -> int:
        number = hall.connected()
        hall.fail(fault, **where)
        hall.pass_time(DAY)
        return number

    return make


def _many(fault: str, **where: object) -> Callable[[Hall], int]:
    def make(hall: Hall) -> int:
        numbers = [hall.connected(user, name) for user, name in THREE]
        hall.world.advance(DAY)
        hall.fail(fault, **where)
        for number in numbers:
            hall.check(number)
        return numbers[-1]

    return make


def _unreached(hall: Hall) -> int:
    numbers = [hall.connected(user, name) for user, name in THREE]
    hall.world.advance(DAY)
    hall.world.wire.always = "dns"
    for number in numbers:
        hall.check(number)
    return numbers[-1]


def _doubted(hall: Hall) -> int:
    number = hall.connected()
    hall.world.engine.revoke("nl", ACCOUNTANT)
    hall.world.advance(DAY)
    hall.check(number)
    return number


def _revoked(hall: Hall) -> int:
    number = _doubted(hall)
    hall.live(9)
    return number


def _after(make: Callable[[Hall], int], then: Callable[[Hall, int], object]) -> Callable[[Hall], int]:
    def both(hall: Hall) -> int:
        number = make(hall)
        then(hall, number)
        return number

    return both


def _lapsed(hall: Hall) -> int:
    number = hall.connected()
    hall.pass_time(31 * DAY)
    return number


def _unlooked(hall: Hall) -> int:
    """Nobody looked for nine days: neither the keeper nor anybody else."""
    number = hall.connected()
    hall.fail("drop")
    hall.world.advance(9 * DAY)
    _settle(hall)
    hall.world.engine.clear_faults()
    return number


def _settle(hall: Hall) -> None:
    """The keeper's first chore, with Exact out of its reach: what stopped holding by time alone."""
    settle_due(hall.app)


def _paused_lapsing(hall: Hall) -> int:
    number = hall.connected()
    set_active(hall.app, hall.by, number, active=False)
    hall.world.advance(20 * DAY)
    _settle(hall)
    return number


def _pause(hall: Hall, number: int) -> None:
    set_active(hall.app, hall.by, number, active=False)


def _disconnect(hall: Hall, number: int) -> None:
    disconnect(hall.app, hall.by, number)


def _deny_again(hall: Hall, number: int) -> None:
    hall.world.advance(MINUTE)
    hall.deny_by_link(hall.link(number))


def _nameless_again(hall: Hall, number: int) -> None:
    hall.fail("unavailable", endpoint="me")
    hall.consent_by(number, ACCOUNTANT)


S, W, A = Status, Who, Act
STATES: Sequence[State] = (
    State("nameless draft", lambda hall: hall.draft(""), S.DRAFT, W.SUPPORT, A.CONTINUE),
    State("draft", lambda hall: hall.draft(NAME), S.DRAFT, W.SUPPORT, A.CONTINUE),
    State("nobody asked", Hall.registered, S.WAITING_FOR_CONSENT, W.SUPPORT, A.CONNECT),
    State("link made", _link_made, S.WAITING_FOR_CONSENT, W.CUSTOMER, A.OPEN_LINK),
    State("link opened", _link_opened, S.WAITING_FOR_CONSENT, W.CUSTOMER, A.OPEN_LINK),
    State("link expired", _link_expired, S.WAITING_FOR_CONSENT, W.SUPPORT, A.CONNECT),
    State("denied by link", _denied_by_link, S.CONSENT_DENIED, W.SUPPORT, A.TALK),
    State("denied", _denied, S.CONSENT_DENIED, W.SUPPORT, A.TALK),
    State("asked again", _asked_again, S.WAITING_FOR_CONSENT, W.CUSTOMER, A.OPEN_LINK),
    State("Exact's error", _exact_error, S.WAITING_FOR_CONSENT, W.SUPPORT, A.CONNECT),
    State("no answer to the code", _no_answer, S.WAITING_FOR_CONSENT, W.SUPPORT, A.CONNECT),
    State("app not known", _unknown_app, S.WAITING_FOR_CONSENT, W.ADMIN, A.SETTINGS),
    State("owner not known", _nameless_consent, S.WAITING_FOR_CONSENT, W.RETRY, A.WAIT),
    State("to be chosen", _choosing, S.CHOOSE_ADMINISTRATIONS, W.SUPPORT, A.CHOOSE),
    State("other login", _other_login, S.ATTENTION, W.SUPPORT, A.DECIDE),
    State("other login, down", _other_login_while_down, S.EXACT_OUTAGE, W.SUPPORT, A.DECIDE),
    State("connected", Hall.connected, S.CONNECTED, W.NOBODY, A.NOTHING),
    State("no longer permitted", _narrowed, S.PARTLY_CONNECTED, W.SUPPORT, A.ADMINISTRATIONS),
    State("archived", _changed(status=2), S.PARTLY_CONNECTED, W.SUPPORT, A.ADMINISTRATIONS),
    State("inactive", _changed(status=0), S.PARTLY_CONNECTED, W.SUPPORT, A.ADMINISTRATIONS),
    State("backup", _changed(blocking=1), S.PARTLY_CONNECTED, W.RETRY, A.WAIT),
    State("none works", _none_works, S.ATTENTION, W.SUPPORT, A.ADMINISTRATIONS),
    State("shut", _shut("wrong_division"), S.PARTLY_CONNECTED, W.SUPPORT, A.ADMINISTRATIONS),
    State("down", _failing("unavailable"), S.EXACT_OUTAGE, W.RETRY, A.WAIT),
    State("maintenance", _failing("maintenance"), S.EXACT_OUTAGE, W.RETRY, A.WAIT),
    State("no reply", _failing("drop"), S.EXACT_OUTAGE, W.RETRY, A.WAIT),
    State("slow down", _failing("rate_limited_bare", endpoint="me"), S.ATTENTION, W.RETRY, A.WAIT),
    State("not accepted", _failing("unauthorized", endpoint="me"), S.ATTENTION, W.SUPPORT, A.CHECK),
    State("no right", _failing("scope_violated", endpoint="me"), S.ATTENTION, W.ADMIN, A.SETTINGS),
    State("odd question", _failing("says", endpoint="me", status=400, body="Nobody knows these words"),
        S.ATTENTION, W.ADMIN, A.REPORT),
    State("outside", _failing("outside_scope", endpoint="me"), S.ATTENTION, W.CUSTOMER, A.AT_EXACT),
    State("false 400", _failing("false_400", endpoint="token"), S.ATTENTION, W.SUPPORT, A.CHECK),
    State("refused once", _doubted, S.ATTENTION, W.RETRY, A.CONFIRM),
    State("revoked", _revoked, S.RECONNECT_NEEDED, W.CUSTOMER, A.RECONNECT),
    State("revoked, link made", _after(_revoked, Hall.link), S.RECONNECT_NEEDED, W.CUSTOMER, A.OPEN_LINK),
    State("revoked, denied", _after(_revoked, _deny_again), S.RECONNECT_NEEDED, W.SUPPORT, A.TALK),
    State("revoked, other login", _after(_revoked, lambda h, n: h.consent_by(n, BAKKER)),
        S.ATTENTION, W.SUPPORT, A.DECIDE),
    State("revoked, owner not known", _after(_revoked, _nameless_again), S.WAITING_FOR_CONSENT, W.RETRY, A.WAIT),
    State("many down", _many("unavailable"), S.EXACT_OUTAGE, W.EXACT, A.WAIT),
    State("many refused", _many("old_token", endpoint="token"), S.ATTENTION, W.RETRY, A.CONFIRM),
    State("many, our app", _many("custom", endpoint="token", status=400, body='{"error":"invalid_client"}'),
        S.ATTENTION, W.ADMIN, A.SETTINGS),
    State("many not reached", _unreached, S.EXACT_OUTAGE, W.ADMIN, A.NETWORK),
    State("old news", _unlooked, S.ATTENTION, W.SUPPORT, A.CHECK),
    State("lapsed", _lapsed, S.RECONNECT_NEEDED, W.CUSTOMER, A.RECONNECT),
    State("paused", _after(Hall.connected, _pause), S.PAUSED, W.NOBODY, A.NOTHING),
    State("paused, lapses soon", _paused_lapsing, S.PAUSED, W.SUPPORT, A.CHECK),
    State("paused, lapsed", _after(_after(Hall.connected, _pause), lambda h, _n: h.pass_time(31 * DAY)),
        S.PAUSED, W.SUPPORT, A.RESUME),
    State("disconnected", _after(Hall.connected, _disconnect), S.DISCONNECTED, W.NOBODY, A.NOTHING),
    State("disconnected, link made", _after(_after(Hall.connected, _disconnect), Hall.link),
        S.DISCONNECTED, W.CUSTOMER, A.OPEN_LINK),
    State("disconnected, denied", _after(_after(Hall.connected, _disconnect), _deny_again),
        S.DISCONNECTED, W.SUPPORT, A.TALK),
)  # fmt: skip
