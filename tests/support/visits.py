"""A browser that went to Exact for a registration and has an answer, to be brought back when the test likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.outcomes import ConsentResult
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Grant, Registration
from core.tokens.grants import read_refresh_token
from tests.support.connecting import TEST_USER


class Ended(BaseException):
    """The process ends here, for good."""


@dataclass(frozen=True)
class Visit:
    """One attempt at Exact, with its answer."""

    app: Application
    number: int
    begun: Begun
    code: str

    def back(self, app: Application | None = None) -> ConsentResult:
        """The browser comes back, to the process ``app``."""
        [state] = parse_qs(urlsplit(self.begun.authorize_url).query)["state"]
        query = [("code", self.code), ("state", state)]
        return complete_consent(app or self.app, query, self.begun.browser_token, None)


@dataclass(frozen=True)
class Desk:
    """An operator with the product and Exact at hand."""

    app: Application
    by: CurrentOperator
    simulator: RunningSimulator

    def registered(self, name: str = "Test B.V.", environment: str = "nl") -> int:
        return register(self.app, self.by, None, RegistrationForm(name=name, environment=environment))

    def visit(self, number: int, user: str = TEST_USER, environment: str = "nl") -> Visit:
        """Connect was pressed, and the customer has said yes at Exact."""
        begun = begin_consent(self.app, self.by, create_consent(self.app, self.by, number))
        return Visit(self.app, number, begun, self.simulator.engine.grant_code(environment, user))

    def me_is_away(self) -> None:
        self.simulator.engine.add_fault("unavailable", times=None, endpoint="me")

    def me_is_back(self) -> None:
        self.simulator.engine.clear_faults()

    def row(self, number: int) -> Registration:
        with self.app.database.read() as session:
            return session.get_one(Registration, number)

    def grants(self) -> list[Grant]:
        with self.app.database.read() as session:
            return session.query(Grant).all()

    def archived(self) -> set[str]:
        """The grants of which the archive of token answers knows anything."""
        return {grant_id for grant_id, _child in self.app.journal.archive.newest_after("", 1_000)}

    def held(self, number: int) -> str:
        """The refresh token of the grant that a registration hangs on; empty without one."""
        with self.app.database.read() as session:
            grant = session.get(Grant, session.get_one(Registration, number).grant_id or "")
            return read_refresh_token(self.app.vault, grant) if grant else ""

    def living(self, user: str = TEST_USER) -> str:
        """The refresh token of this user that Exact would take."""
        issued = self.simulator.engine.journal()
        [living] = [pair for pair in issued if (pair.user, pair.condition) == (user, "live")]
        return living.refresh_token


def meanwhile(
    patch: pytest.MonkeyPatch, holder: object, name: str, what: Callable[[], object], *, after: bool = False
) -> None:
    """Do ``what`` before the next call of ``name``, or after its answer, and before anybody goes on with it."""
    original = getattr(holder, name)

    def instead(*given: Any, **more: Any) -> Any:
        patch.setattr(holder, name, original)
        if not after:
            what()
            return original(*given, **more)
        answer = original(*given, **more)
        what()
        return answer

    patch.setattr(holder, name, instead)


def end_at(patch: pytest.MonkeyPatch, holder: object, name: str) -> None:
    """The process ends at the next call of ``name``."""

    def end() -> None:
        raise Ended

    meanwhile(patch, holder, name, end)
