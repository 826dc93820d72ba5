"""What must hold at every quiet point, judged by Exact's own books and not by what the product believes."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.registrations.status import Status
from core.simulator.context import Call
from tests.world.truth import Shown, Truth, User

RED_WITHIN = timedelta(hours=8)
"""A consent that was withdrawn is red so long after Exact's first refusal at the latest."""
SPARE = timedelta(minutes=15)
NEWS = timedelta(days=8)
"""Nothing is green on news that is older."""
GREEN = frozenset({Status.CONNECTED, Status.PARTLY_CONNECTED})
_JUDGED = GREEN | {Status.ATTENTION, Status.EXACT_OUTAGE, Status.CHOOSE_ADMINISTRATIONS}
HOUR = timedelta(hours=1)
TOKEN_ERRORS, API_ERRORS = 4, 9
"""In any hour: of one consent at the token address; and of one login at the token address, or in one administration at
one other address, where Exact blocks us at ten."""
OURS_WITHIN = timedelta(hours=5)
"""A clock may be an hour off, and a failure that is remembered is written down again without asking."""
LISTS = 3
"""One for each process that asks at the same moment, and one to spare."""
_REFUSED = frozenset({403, 404})
_COUNTED = frozenset({400, 401, 403, 404})


class Oracle(Truth):
    """Asked whenever nobody is in the middle of anything."""

    def look(self, *, kept: bool) -> None:
        """``kept``: a keeper has just had its turn, so statuses have followed the time."""
        self.life.wire.ended()
        self.read_the_books()
        if not self.life.hub.quiet:
            return
        self.nothing_is_lost(pending=True)
        if kept:
            for each in self.shown():
                self._is_no_lie(each)

    def read_the_books(self) -> None:
        calls = self.life.engine._context.calls
        while calls:
            self._enter(calls.popleft())

    def _enter(self, call: Call) -> None:
        user = (call.environment, call.user)
        if call.status == 200 and not call.fault and call.endpoint in {"me", "divisions"}:
            self.books.answered[user] = call.at
        if call.endpoint == "all_divisions" and call.status in _REFUSED and not call.fault:
            self._count_refused_list(user, call.at)
        if call.status in _COUNTED:
            if not call.fault and self.newest(user) is None and not self.nameless(user):
                self.books.first_refused.setdefault(user, call.at)
            self._count_error(call)
        if self.newest(user) is not None:
            self.books.first_refused.pop(user, None)
        if call.endpoint not in {"token", "me", "authorize"} and call.division:
            minute = (call.environment, call.division, call.at.replace(second=0, microsecond=0))
            self.books.minutes[minute] += 1
            if self.books.minutes[minute] > 60:
                raise self.life.broken(f"more than 60 calls a minute in {call.division}")

    def _count_refused_list(self, user: User, at: datetime) -> None:
        """A refusal of what we can do without is remembered for a day, by all processes that have heard of it."""
        recent = self.books.lists_refused[user] = [
            before for before in self.books.lists_refused[user] if before > at - timedelta(hours=23)
        ] + [at]
        if len(recent) > LISTS:
            raise self.life.broken(
                f"{user[1]}: {len(recent)} times in a day a list was asked for that is refused"
            )

    def _count_error(self, call: Call) -> None:
        token = call.endpoint == "token"
        if token and not call.user:
            return
        scope = (call.environment, call.user, call.endpoint, "" if token else str(call.division))
        errors = self.books.errors[scope] = [at for at in self.books.errors[scope] if at > call.at - HOUR] + [
            call.at
        ]
        if len(errors) > (TOKEN_ERRORS if token and self.consents((scope[0], scope[1])) < 2 else API_ERRORS):
            raise self.life.broken(f"{len(errors)} error answers within an hour: {scope}")

    def nothing_is_lost(self, *, pending: bool) -> None:
        """The newest living token of every login that somebody here counts on is held."""
        held = journal = None
        for user in self.users.values():
            newest = self.newest(user)
            if newest is None:
                continue
            if held is None:
                held = self.held_by_user()
            token = newest.refresh_token
            if token in held.get("", ()) or token in held.get("all", ()):
                in_force = token in held.get(f"{user}", ())
                if in_force or pending or not self.counted_on(user, held):
                    continue
            if token in self.life.wire.lost or not self.counted_on(user, held):
                continue
            if pending:
                journal = self.journaled() if journal is None else journal
                if token in journal:
                    continue
            raise self.life.broken(f"lost: the newest living token of {user[1]} ({user[0]}) is held nowhere")

    def _is_no_lie(self, each: Shown) -> None:
        now, life = self.life.hub.time, self.life
        if each.consented not in {None, each.environment}:
            raise life.broken(
                f"{self.name(each)} of {each.environment} runs on a consent of {each.consented}"
            )
        if each.status in GREEN and each.user is not None:
            heard = self.books.answered.get(each.user)
            if heard is None or now - heard > NEWS + SPARE:
                raise life.broken(f"{self.name(each)} is {each.status} on news of {heard}")
        if each.status is Status.EXACT_OUTAGE and each.failed_at is not None:
            failed = life.wire.failed_at.get(each.environment)
            if failed is None or failed < each.failed_at - OURS_WITHIN:
                raise life.broken(f"{self.name(each)} is called an outage of Exact, which answers")
        if each.status not in _JUDGED or each.user is None or each.reason.endswith("undecided"):
            return
        refused = self.books.first_refused.get(each.user)
        if refused is None or self.newest(each.user) is not None:
            return
        if life.made.disk.broken or life.wire.trouble.down:  # nobody can ask, and the page says so
            return
        since = max(refused, life.kept_since, life.calm_since)
        if each.status in GREEN:
            life.figures.longest_lie = max(life.figures.longest_lie, now - since)
        if now - since > RED_WITHIN + SPARE:
            raise life.broken(
                f"{self.name(each)} is {each.status} ({each.reason}), refused since {refused:%d %b %H:%M}"
            )
