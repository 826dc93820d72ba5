"""What a crash happens in: a database, the simulator in this process, workers outside it; and how the end is judged."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application, build
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.outcomes import Outcome
from core.registrations.takeover import identify_candidate
from core.settings import Settings
from core.simulator.data import Directory, User
from core.simulator.server import RunningSimulator
from core.storage.models import Consent, Grant, Registration
from core.tokens.grants import read_access_token, read_refresh_token, save_candidate
from core.tokens.rotation import access_token
from tests.crash.workers import Worker, Workers
from tests.factories import make_operator, make_registration
from tests.support.exact import exact_apps, new_simulator

REFRESHING, CONSENTING = "info@bakkerbv.example", "test@testbv.example"
DUE = 601.0
"""Seconds after which an access token has ended and its refresh token may be spent."""
_numbers = itertools.count(1)


@dataclass
class Scene:
    """Time is that of this process: the simulator reads it, workers are told it."""

    app: Application
    simulator: RunningSimulator
    workers: Workers
    operator: CurrentOperator
    _time: ExitStack = field(default_factory=ExitStack)

    def later(self, seconds: float) -> None:
        self._time.enter_context(clock.shifted(timedelta(seconds=seconds)))

    def start(self, name: str, **job: Any) -> Worker:
        """A worker at a job, over the same database, journal and simulator."""
        job.setdefault("settings", self.settings())
        return self.workers.start(name, offset=clock.offset().total_seconds(), **job)

    def connected(self, user: str = REFRESHING) -> str:
        """A grant whose refresh token may be spent now."""
        pair = self.app.exact.exchange("nl", self.simulator.engine.grant_code("nl", user), "v" * 43)
        grant_id = save_candidate(self.app, "nl", pair)
        self.later(DUE)
        return grant_id

    def consenting(self, user: str = CONSENTING, registration: int = 0) -> dict[str, Any]:
        """A registration whose customer has just said yes at Exact: what the browser brings back."""
        name = f"Consenting {next(_numbers)} B.V."
        number = registration or make_registration(self.app.database, name)
        begun = begin_consent(self.app, self.operator, create_consent(self.app, self.operator, number))
        state = parse_qs(urlsplit(begun.authorize_url).query)["state"][0]
        code = self.simulator.engine.grant_code("nl", user)
        return {
            "registration": number,
            "query": [("code", code), ("state", state)],
            "browser": begun.browser_token,
            "operator": self.operator.id,
        }

    def connect(self, user: str = CONSENTING, registration: int = 0) -> int:
        """The same to its end, without an accident; the registration."""
        job = self.consenting(user, registration)
        outcome = complete_consent(self.app, job["query"], job["browser"], job["operator"]).outcome
        assert outcome is Outcome.GRANTED, outcome
        return int(job["registration"])

    def crowd(self, number: int) -> str:
        """The login of one of many customers, each with a division of its own."""
        name, context = f"user{number}@crowd.example", self.simulator.engine._context
        if not any(user.name == name for user in context.directory.users):
            own = replace(context.directory.divisions[0], code=7_000_000 + number, name=f"Crowd {number}")
            user = User("nl", name, f"Crowd {number}", (own.code,), own.code)
            known = context.directory
            context.directory = Directory((*known.users, user), (*known.divisions, own))
        return name

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings as a worker can be told them."""
        return settings_of(self.app) | changes

    @contextmanager
    def over_journal(self, folder: str) -> Iterator[Application]:
        """The application over another journal."""
        settings = self.app.settings.model_copy(update={"journal_dir": folder})
        other = Application(settings, self.app.database, self.app.vault, self.app.exact)
        try:
            yield other
        finally:
            other.journal.close()

    def digest(self, grant_id: str) -> str:
        """The access token in a row as a worker tells it."""
        return sha256(read_access_token(self.app.vault, self.grant(grant_id)).encode()).hexdigest()

    def grant(self, grant_id: str) -> Grant:
        with self.app.database.read() as session:
            return session.get_one(Grant, grant_id)

    def registration(self, number: int) -> Registration:
        with self.app.database.read() as session:
            return session.get_one(Registration, number)

    def registration_or_none(self, number: int) -> Registration | None:
        with self.app.database.read() as session:
            return session.get(Registration, number)

    def held(self, grant_id: str) -> str:
        return read_refresh_token(self.app.vault, self.grant(grant_id))

    def live(self, user: str) -> set[str]:
        """The refresh tokens of this user that Exact would take now."""
        issued = self.simulator.engine.journal()
        return {pair.refresh_token for pair in issued if pair.user == user and pair.condition == "live"}

    def in_slots(self) -> int:
        return sum(1 for _slot in self.app.journal.slots.left_behind())

    def spends(self) -> int:
        return len(self.simulator.engine.calls("token"))

    # --- How it ended

    def refresh_is_whole(self, grant_id: str) -> bool:
        """Whether the row holds the one living token; if so it must work now, and once more later."""
        if {self.held(grant_id)} != self.live(REFRESHING):
            return False
        self._works(grant_id)
        self.later(DUE)
        self._works(grant_id)
        assert {self.held(grant_id)} == self.live(REFRESHING)
        assert self.in_slots() == 0
        return True

    def consent_is_whole(self, number: int, user: str = CONSENTING) -> bool:
        """Whether the registration has, or after asking Exact once gets, the one living token of its customer."""
        identify_candidate(self.app, number)
        row = self.registration(number)
        if row.grant_id is None or {self.held(row.grant_id)} != self.live(user):
            return False
        self._works(row.grant_id)
        assert row.candidate_grant_id is None
        assert row.status != "waiting_for_consent"
        with self.app.database.read() as session:
            outcomes = session.query(Consent.outcome).filter_by(registration_id=number).all()
        assert [tuple(row) for row in outcomes] in ([("granted",)], [("unidentified",)])
        assert self.in_slots() == 0
        return True

    def _works(self, grant_id: str) -> None:
        assert self.app.exact.me("nl", access_token(self.app, grant_id)).user_id


def settings_of(app: Application) -> dict[str, Any]:
    """The settings as a worker can be told them."""
    settings = app.settings
    return {
        "database_url": settings.database_url.get_secret_value(),
        "encryption_keys": settings.encryption_keys.get_secret_value(),
        "journal_dir": settings.journal_dir,
        "token_timeout_seconds": settings.token_timeout_seconds,
        "token_min_age_seconds": settings.token_min_age_seconds,
        "simulator": True,
        "exact": {
            code: {
                "client_id": app.client_id,
                "client_secret": app.client_secret.get_secret_value(),
                "base_url": app.base_url,
            }
            for code, app in settings.exact.items()
        },
    }


@contextmanager
def open_scene(url: str, folder: Path, workers: Workers, **settings: Any) -> Iterator[Scene]:
    """A scene over the migrated database at ``url``."""
    with new_simulator() as simulator:
        # The limits of Exact are not what is tried here, and this makes thousands of calls in a few seconds.
        simulator.engine.configure(
            calls_per_minute=0, calls_per_day=0, errors_per_hour=0, token_errors_count=False
        )
        app = build(
            Settings(
                database_url=SecretStr(url),
                encryption_keys=SecretStr(base64.b64encode(os.urandom(32)).decode()),
                journal_dir=str(folder / "journal"),
                exact=exact_apps(simulator),
                simulator=True,
                **settings,
            )
        )
        scene = Scene(app, simulator, workers, make_operator(app.database))
        try:
            yield scene
        finally:
            scene._time.close()
            app.exact.close()
            app.journal.close()
            app.database.dispose()
