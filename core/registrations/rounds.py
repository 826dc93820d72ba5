"""One round of questions to Exact for a registration: who, which administrations, and does each answer?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Listed
from core.exact.rows import Me
from core.registrations.budget import Budget, holds_back
from core.registrations.reading_places import KeptPages
from core.registrations.shown_by_exact import nothing_shown
from core.registrations.user_lists import UserList, user_divisions
from core.tokens.rotation import access_token, distrust

T = TypeVar("T")
Hurry = Callable[[], bool]
"""Whether the round has to end now, with what it has."""

OF_AN_ADMINISTRATION = frozenset({FailureKind.FORBIDDEN, FailureKind.BAD_REQUEST, FailureKind.RATE_LIMITED})
"""What the answer to a probe says of the administration that was probed. Everything else, and whatever befalls the
token on the way to it, is the whole connection's and ends the round."""
_NOTHING_NEW = frozenset({FailureKind.TOO_EARLY, FailureKind.RATE_LIMITED})
"""What the token address says when it only has to be waited for."""
RESERVED_AT_ONCE = 20
MOST_REFUSALS = 3
"""Administrations of which Exact says "too often" before the others are left for the next round."""
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Subject:
    """Whom a round asks about."""

    registration_id: int
    environment: str
    grant_id: str
    exact_user_id: str | None
    home: int | None
    """The administration that the Exact user had open last; calls without one are booked on it."""
    known: tuple[int, ...]
    """Numbers to put into the address of the list: Exact may refuse one and accept another."""
    linked: tuple[int, ...]
    """To be probed: permitted ones, the one that was asked longest ago first."""


@dataclass
class Found:
    """What a round has brought so far; ``error`` is what ended it."""

    me: Me | None = None
    divisions: Listed | None = None
    users: UserList = field(default_factory=UserList)
    written: bool = False
    """Whether ``divisions`` is written down already, and only what the user sees is still being read."""
    probed: dict[int, ExactError | None] = field(default_factory=dict)
    error: ExactError | None = None
    rest_at: datetime | None = None
    """When the administrations that were left out can be asked."""

    def leave(self, until: datetime) -> None:
        self.rest_at = until if self.rest_at is None else min(self.rest_at, until)


class _NoToken(Exception):
    """There is no access token to ask with, and why: whatever was being asked, that is the connection's failure."""

    def __init__(self, error: ExactError) -> None:
        super().__init__(error.kind.value)
        self.error = error


class Round:
    """Holds the token while it asks; a token that Exact refuses is replaced once."""

    def __init__(self, app: Application, subject: Subject, budget: Budget, hurry: Hurry) -> None:
        self._app, self._subject, self._budget, self._hurry = app, subject, budget, hurry
        self._renewed = False

    def ask(self) -> Found:
        """All questions, as far as budget and time allow. Raises nothing of Exact's: it is in what was found."""
        found = Found()
        try:
            found.me = self._who()
            numbers = dict.fromkeys((*self._subject.known, found.me.current_division))
            pages = KeptPages(
                self._app, self._subject.registration_id, self._subject.grant_id, hurry=self._hurry
            )
            known = pages.is_whole()
            found.divisions = self._list(numbers, pages)
            if not found.divisions and not self._subject.linked:
                raise nothing_shown()
            found.users = self._users(found.divisions, pages)
            if found.users.goes_on_at is not None:
                found.leave(found.users.goes_on_at)
                found.written = known
            if not found.written:
                self._probe(found)
        except ExactError as error:
            found.error = error
        except _NoToken as none:
            found.error = none.error
        return found

    def _list(self, numbers: Iterable[int | None], pages: KeptPages) -> Listed:
        environment = self._subject.environment
        try:
            return self._call(
                lambda token: self._app.exact.divisions(environment, token, numbers, self._budget, pages)
            )
        except ExactError as error:
            raise pages.in_short(error) from None

    def _users(self, divisions: Listed, pages: KeptPages) -> UserList:
        environment, own = self._subject.environment, frozenset(self._subject.linked)
        return self._call(
            lambda token: user_divisions(
                self._app, environment, pages, token, divisions, budget=self._budget, through=own
            )
        )

    def _who(self) -> Me:
        me = self._call(lambda token: self._app.exact.me(self._subject.environment, token, self._budget))
        if self._subject.exact_user_id not in (None, me.user_id):
            # Never green for somebody else's bookkeeping.
            said = f"Me: another user than the one who gave consent ({me.known_as})"
            raise ExactError(FailureKind.FORBIDDEN, exact_message=said)
        return me

    def _probe(self, found: Found) -> None:
        """One cheap call in each linked administration that the list still holds."""
        refusals = 0
        for code in self._permitted(self._shown(found), found):
            found.probed[code] = error = self._answer_of(code)
            if error is not None and error.kind == FailureKind.RATE_LIMITED:
                del found.probed[code]
                found.leave(error.retry_at or clock.now() + 10 * A_MINUTE)
                refusals += not holds_back(error)
            if self._hurry() or refusals >= MOST_REFUSALS:
                found.leave(clock.now() + A_MINUTE)
                return

    def _shown(self, found: Found) -> list[int]:
        """The linked administrations that the list holds, and of a list that could not all be read, the others too."""
        seen = {division.code for division in found.divisions or ()}
        everything = found.divisions is not None and not found.divisions.whole
        return [code for code in self._subject.linked if everything or code in seen]

    def _permitted(self, codes: Sequence[int], found: Found) -> Iterator[int]:
        """Those that the budget allows to ask now, reserved some at a time, just before they are asked."""
        for start in range(0, len(codes), RESERVED_AT_ONCE):
            some = codes[start : start + RESERVED_AT_ONCE]
            refused = self._budget.take(some)
            for until in refused.values():
                found.leave(until)
            yield from (code for code in some if code not in refused)

    def _answer_of(self, code: int) -> ExactError | None:
        """None when it answers, else why not. Raises what is not the administration's own failure."""
        environment = self._subject.environment
        try:
            self._call(lambda token: self._app.exact.probe(environment, token, code, self._budget))
        except ExactError as error:
            if error.kind not in OF_AN_ADMINISTRATION:
                raise
            return error
        return None

    def _call(self, ask: Callable[[str], T]) -> T:
        token = self._token()
        try:
            return ask(token)
        except ExactError as error:
            if error.kind != FailureKind.NOT_AUTHENTICATED or self._renewed:
                raise
            refused = error
        self._renewed = True
        distrust(self._app, self._subject.grant_id, token)
        try:
            token = self._token()
        except _NoToken as none:
            if none.error.kind not in _NOTHING_NEW:
                raise  # a refused consent, an outage: that is why, and says more than the refused key
            refused.retry_at = none.error.retry_at
            raise _NoToken(refused) from None
        return ask(token)

    def _token(self) -> str:
        try:
            return access_token(self._app, self._subject.grant_id)
        except ExactError as error:
            raise _NoToken(error) from None
