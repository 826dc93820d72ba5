"""What a test, the demo or the control endpoint does to the simulator behind the apps' backs."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from core.simulator import consent
from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorConfig
from core.simulator.context import Call, Context, known_user, reachable
from core.simulator.data import Directory, Division, User, demo_directory, vat_number
from core.simulator.faults import Fault, FaultPlan, Place
from core.simulator.issue import condition, end_chains, give_consent, new_code
from core.simulator.limits import Budgets, ErrorLimit
from core.simulator.state import State, key

Divisions = Collection[int] | Literal["all"]


@dataclass(frozen=True)
class Issued:
    """A pair of tokens in the journal. ``condition``: live, spent, expired, superseded or revoked."""

    number: int
    environment: str
    client_id: str
    user: str
    chain: str
    access_token: str
    refresh_token: str
    parent: str
    issued_at: datetime
    spent_at: datetime | None
    condition: str


class Levers:
    """The part of the engine that nobody at Exact would let you touch."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        clock: SimulatorClock | None = None,
        directory: Directory | None = None,
        state: State | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._context = Context(
            config, clock or SimulatorClock(), directory or demo_directory(), state or State()
        )
        self._context.by_access = {p.access_token: t for t, p in self._context.state.pairs.items()}

    @property
    def config(self) -> SimulatorConfig:
        return self._context.config

    @property
    def clock(self) -> SimulatorClock:
        return self._context.clock

    def configure(self, **changes: Any) -> SimulatorConfig:  # noqa: ANN401 - the fields of SimulatorConfig
        """Change settings from here on; the new config."""
        with self._lock:
            self._context.config = replace(self._context.config, **changes)
            return self._context.config

    def advance(self, by: timedelta | float) -> datetime:
        """Move the clock on by ``by`` (seconds when a number); the new time."""
        with self._lock:
            self._context.touch()
            return self.clock.advance(by)

    def grant_code(
        self, environment: str, user: str, divisions: Divisions = "all", *, client_id: str = ""
    ) -> str:
        """Give consent without a browser: a code to exchange. The environment's first app unless one is named.

        Raises ``LookupError`` for an unknown app or user.
        """
        with self._lock:
            app = self.config.app(environment, client_id) if client_id else self.config.first_app(environment)
            if app is None:
                raise LookupError(f"the simulator has no app {client_id!r} in {environment!r}")
            name = known_user(self._context, environment, user).name
            chosen = None if divisions == "all" else sorted(int(code) for code in divisions)
            give_consent(self._context, environment, app.client_id, name, chosen)
            return new_code(self._context, environment, app.client_id, name)

    def consent_url(
        self,
        environment: str,
        client_id: str,
        *,
        user: str,
        redirect_uri: str,
        divisions: Divisions = "all",
        state: str | None = None,
    ) -> str:
        """The same as the address a browser would be sent back to. Raises ``LookupError``, or ``ValueError`` for
        another redirect URI than the registered one."""
        with self._lock:
            app = self.config.app(environment, client_id)
            if app is None or app.redirect_uri != redirect_uri:
                raise ValueError("unknown client id, or not its redirect URI")
            code = self.grant_code(environment, user, divisions, client_id=client_id)
            return consent.back_to(app, [("code", code)] + ([("state", state)] if state is not None else []))

    def revoke(self, environment: str, user: str, *, client_id: str = "") -> None:
        """The user withdraws the consent at Exact."""
        with self._lock:
            app_id = client_id or self.config.first_app(environment).client_id
            name = known_user(self._context, environment, user).name
            self._context.state.consents.pop(key(environment, app_id, name), None)
            end_chains(self._context, environment, app_id, name, "revoked")

    def begin_outage(self, environment: str, user: str) -> None:
        """Nothing answers for this user any more: the machines that hold the bookkeeping are out of order."""
        with self._lock:
            place = key(environment, known_user(self._context, environment, user).name)
            if place not in self._context.state.down:
                self._context.state.down.append(place)
            self._context.touch()

    def end_outage(self, environment: str, user: str) -> None:
        """Everything answers again. Raises ``LookupError`` when nothing was out of order."""
        with self._lock:
            place = key(environment, known_user(self._context, environment, user).name)
            if place not in self._context.state.down:
                raise LookupError(f"nothing is out of order for {user!r}")
            self._context.state.down.remove(place)
            self._context.touch()

    def set_scope(self, environment: str, user: str, divisions: Divisions, *, client_id: str = "") -> None:
        """The user changes at Exact which divisions the app may see; tokens live on.

        Raises ``LookupError`` when there is no consent to change.
        """
        with self._lock:
            app_id = client_id or self.config.first_app(environment).client_id
            name = known_user(self._context, environment, user).name
            permission = self._context.state.consents.get(key(environment, app_id, name))
            if permission is None:
                raise LookupError(f"{name!r} has not consented")
            permission.divisions = None if divisions == "all" else sorted(int(code) for code in divisions)
            self._context.touch()

    def set_division(
        self,
        environment: str,
        code: int,
        *,
        status: int | None = None,
        blocking: int | None = None,
        name: str | None = None,
    ) -> None:
        """Archive (status 2), block (blocking 1 to 6) or rename a division. Raises ``LookupError``."""
        with self._lock:
            known = [*self._context.directory.divisions, *self._context.state.added]
            if not any(d.environment == environment and d.code == code for d in known):
                raise LookupError(f"the simulator has no division {code} in {environment!r}")
            given = {"status": status, "blocking": blocking, "name": name}
            changes = self._context.state.changes.setdefault(key(environment, code), {})
            changes.update({field: value for field, value in given.items() if value is not None})
            self._context.touch()

    def add_division(self, environment: str, user: str, name: str) -> int:
        """A new division of the user's own customer; its code. A consent to all future divisions covers it."""
        with self._lock:
            owner = known_user(self._context, environment, user)
            first = reachable(self._context, owner)[0]
            code = 9_000_001 + len(self._context.state.added)
            added = replace(first, code=code, name=name, main=False, status=1, blocking=0)
            self._context.state.added.append(replace(added, vat_number=vat_number(environment, code)))
            self._context.state.added_for[key(environment, code)] = owner.name
            self._context.touch()
            return code

    def set_current_division(self, environment: str, user: str, division: int) -> None:
        """The user clicks on another division at Exact: CurrentDivision moves."""
        with self._lock:
            name = known_user(self._context, environment, user).name
            self._context.state.current[key(environment, name)] = division
            self._context.touch()

    def add_fault(self, name: str, times: int | None = 1, **details: Any) -> None:  # noqa: ANN401 - fields of Fault
        """Let something go wrong ``times`` times (None: until cleared). ``endpoint``, ``environment``, ``user`` and
        ``division`` say where, ``seconds``, ``status``, ``body`` and ``content_type`` how. Raises ``ValueError``."""
        where = {k: details.pop(k) for k in ("endpoint", "environment", "user", "division") if k in details}
        try:
            fault = Fault(name, times, Place(**where), **details)
        except TypeError as wrong:
            raise ValueError(str(wrong)) from wrong
        with self._lock:
            self._context.faults.add(fault)

    def clear_faults(self, name: str = "") -> None:
        with self._lock:
            self._context.faults.clear(name)

    def pending_faults(self) -> tuple[Fault, ...]:
        with self._lock:
            return self._context.faults.pending()

    def journal(self) -> tuple[Issued, ...]:
        """Every pair of tokens issued, oldest first: what was spent, what is live."""
        with self._lock:
            return tuple(self._issued(token) for token in self._context.state.pairs)

    def _issued(self, refresh_token: str) -> Issued:
        pair = self._context.state.pairs[refresh_token]
        chain = self._context.state.chains[pair.chain]
        return Issued(
            pair.number,
            chain.environment,
            chain.client_id,
            chain.user,
            chain.id,
            pair.access_token,
            pair.refresh_token,
            pair.parent,
            pair.issued_at,
            pair.spent_at,
            condition(self._context, pair),
        )

    def calls(self, endpoint: str = "") -> tuple[Call, ...]:
        """The last 10,000 requests, oldest first, optionally of one endpoint."""
        with self._lock:
            return tuple(call for call in self._context.calls if not endpoint or call.endpoint == endpoint)

    def users(self, environment: str = "") -> tuple[User, ...]:
        """Everybody who can log in."""
        return tuple(
            u for u in self._context.directory.users if not environment or u.environment == environment
        )

    def divisions(self, environment: str, user: str) -> tuple[Division, ...]:
        """All divisions this user reaches. Raises ``LookupError``."""
        with self._lock:
            return tuple(reachable(self._context, known_user(self._context, environment, user)))

    def reset(self) -> None:
        """Forget every consent, token, fault and count; the clock stays."""
        with self._lock:
            self._context.state = State()
            self._context.faults, self._context.budgets, self._context.errors = (
                FaultPlan(),
                Budgets(),
                ErrorLimit(),
            )
            self._context.calls.clear()
            self._context.by_access.clear()
            self._context.touch()
