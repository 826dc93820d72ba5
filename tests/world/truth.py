"""What is so at Exact, by its own books, and what is shown here."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import select

from core.registrations.status import Status
from core.simulator.state import Pair, State
from core.storage.models import (
    Administration,
    Grant,
    Registration,
)
from core.tokens.archive import _answers
from core.tokens.grants import read_refresh_token
from core.tokens.records import unseal
from tests.world.life import Life
from tests.world.people import Case

AT_ONCE = timedelta(minutes=15)
"""An attempt at consent takes ten minutes at the most, and Exact some more."""
User = tuple[str, str]
"""(environment, login)"""


@dataclass
class Shown:
    """One registration as its page and the lists show it."""

    id: int
    status: Status
    reason: str
    environment: str
    consented: str | None
    """The environment of the consent that it runs on."""
    user: User | None
    candidate: bool
    failed_at: datetime | None
    """When it last failed, as its page says."""


@dataclass
class Books:
    """What was read in Exact's books so far."""

    first_refused: dict[User, datetime] = field(default_factory=dict)
    """Since when Exact has refused a login whose consent is at its end."""
    answered: dict[User, datetime] = field(default_factory=dict)
    """When Exact last answered for a login as it should."""
    lists_refused: dict[User, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """When Exact refused the list that we can do without."""
    errors: dict[tuple[str, ...], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    minutes: Counter[tuple[str, int, datetime]] = field(default_factory=Counter)


class Truth:
    """Exact's books, and what the screens show, side by side."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.books = Books()
        self.users = {str(user.id): (user.environment, user.name) for user in life.engine.users()}
        self._newest: dict[User, Pair] = {}
        self._read = ""

    def newest(self, user: User) -> Pair | None:
        """The newest pair that lives at Exact for this login."""
        context, now = self.life.engine._context, self.life.hub.time
        self._read_pairs(context.state)
        pair = self._newest.get(user)
        if pair is None or context.state.chains[pair.chain].ended or pair.spent_at is not None:
            return None
        return pair if now < pair.issued_at + timedelta(days=context.config.refresh_days) else None

    def _read_pairs(self, state: State) -> None:
        """Those that are new since the last time."""
        new = list(takewhile(lambda pair: pair.refresh_token != self._read, reversed(state.pairs.values())))
        for pair in reversed(new):
            chain = state.chains[pair.chain]
            self._newest[chain.environment, chain.user] = pair
            self._read = pair.refresh_token

    def alive(self, user: User) -> bool:
        """Whether the login's consent lives, and we hold its newest token."""
        newest = self.newest(user)
        return newest is not None and newest.refresh_token in self.held().values()

    def held(self) -> dict[str, str]:
        """The refresh token of every row, by the row's id."""
        running = self.any_process()
        with running.app.database.read() as session:
            rows = session.scalars(select(Grant).where(Grant.refresh_token.is_not(None))).all()
        return {row.id: read_refresh_token(running.app.vault, row) for row in rows}

    def consents(self, user: User) -> int:
        """How many consents of this login are kept here, dead ones and superseded ones too."""
        state = self.life.engine._context.state
        pairs = [state.pairs[token] for token in self.held().values() if token in state.pairs]
        chains = [state.chains[pair.chain] for pair in pairs]
        return len([chain for chain in chains if (chain.environment, chain.user) == user])

    def journaled(self) -> str:
        """What lies in slots and archives, in plain text."""
        texts = []
        for running in self.life.made.running.values():
            app = running.app
            sealed = [slot.read() for slot in app.journal.slots.left_behind()]
            if app.journal.archive._path.exists():
                with app.journal.archive._database().read() as rows:
                    every = rows.execute(select(_answers.c.sealed).where(_answers.c.sealed.is_not(None)))
                    sealed += [each[0] for each in every]
            texts += [unseal(app.vault, each).body.decode("latin-1") for each in sealed if each]
        return "\n".join(texts)

    def shown(self) -> list[Shown]:
        query = (
            select(
                Registration.id,
                Registration.status,
                Registration.status_reason,
                Registration.environment,
                Registration.candidate_grant_id,
                Grant.environment,
                Grant.exact_user_id,
                Registration.last_failure_at,
            )
            .outerjoin(Grant, Grant.id == Registration.grant_id)
            .order_by(Registration.id)
        )
        with self.any_process().app.database.read() as session:
            rows = session.execute(query).all()
        return [
            Shown(
                row[0],
                Status(row[1]),
                row[2],
                row[3],
                row[5],
                self.users.get(row[6] or ""),
                row[4] is not None,
                row[7],
            )
            for row in rows
        ]

    def held_by_user(self) -> dict[str, set[str]]:
        """Tokens by login; '' for those whose owner is not known yet, 'all' for all of them, 'used' for rows that a
        registration hangs on."""
        running = self.any_process()
        with running.app.database.read() as session:
            rows = session.scalars(select(Grant).where(Grant.refresh_token.is_not(None))).all()
            used = set(
                session.scalars(select(Registration.grant_id).where(Registration.grant_id.is_not(None)))
            )
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            token = read_refresh_token(running.app.vault, row)
            user = self.users.get(row.exact_user_id or "")
            found["all"].add(token)
            found[f"{user}" if user else ""].add(token)
            if row.id in used and user:
                found[f"used {user}"].add(token)
        return found

    def counted_on(self, user: User, held: dict[str, set[str]]) -> bool:
        """Whether a registration runs under this login, or its last consent was this login's and still stands."""
        return f"used {user}" in held or any(self.waits_for(case, user) for case in self.life.cases.values())

    def waits_for(self, case: Case, user: User) -> bool:
        if case.deleted or case.unsure or not case.given:
            return False
        began, environment, login, token = case.given[-1]
        if token in self.life.wire.lost or self._overlaps(case):
            return False
        return (environment, login) == user and (case.let_go is None or began > case.let_go)

    @staticmethod
    def _overlaps(case: Case) -> bool:
        """Two people said yes for it in two windows at once: nobody can say whose word was the later."""
        began, _environment, login, _token = case.given[-1]
        return any(other != login and began - at < AT_ONCE for at, _where, other, _t in case.given[:-1])

    def nameless(self, user: User) -> bool:
        """Whether a consent of this login is kept of which Exact has not told yet whose it is: what befalls its tokens
        is not known to be this login's."""
        running = self.any_process()
        with running.app.database.read() as session:
            query = select(Grant).where(Grant.exact_user_id.is_(None), Grant.refresh_token.is_not(None))
            rows = session.scalars(query).all()
        state = self.life.engine._context.state
        pairs = [state.pairs.get(read_refresh_token(running.app.vault, row)) for row in rows]
        chains = [state.chains[pair.chain] for pair in pairs if pair is not None]
        return any((chain.environment, chain.user) == user for chain in chains)

    def name(self, each: Shown) -> str:
        case = self.life.cases.get(each.id)
        return f"{case.customer.name if case else '?'} ({each.id})"

    def any_process(self) -> Any:
        return next(iter(self.life.made.running.values()))

    def row(self, number: int) -> tuple[Registration, list[Administration]]:
        with self.any_process().app.database.read() as session:
            row = session.get_one(Registration, number)
            linked = session.scalars(
                select(Administration).where(Administration.registration_id == number, Administration.linked)
            ).all()
        return row, list(linked)
