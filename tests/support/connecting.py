"""A registration that is really connected, at the simulator, by the use cases that operators use."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qs, urlsplit

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.outcomes import Outcome
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.simulator.levers import Divisions
from core.simulator.server import RunningSimulator
from tests.support.worlds import World

TEST_USER = "test@testbv.example"


def connect(
    app: Application,
    by: CurrentOperator,
    simulator: RunningSimulator | World,
    name: str = "Test B.V.",
    *,
    user: str = TEST_USER,
    codes: Collection[int] | None = None,
) -> int:
    """Register, consent, and link ``codes``, or everything that can be linked. The registration's number."""
    number = register(app, by, None, RegistrationForm(name=name, environment="nl"))
    consent(app, by, simulator, number, user=user)
    if codes is None:
        found = registration(app, by, number).administrations
        codes = {a.code for a in found if a.available and not a.blocked and not a.inactive}
    save_administrations(app, by, number, codes)
    return number


def consent(
    app: Application,
    by: CurrentOperator,
    simulator: RunningSimulator | World,
    number: int,
    *,
    user: str = TEST_USER,
    divisions: Divisions = "all",
) -> None:
    """The customer gives consent at Exact to these ``divisions``, in the browser of ``by``; it arrives, and Exact says
    whose it is."""
    begun = begin_consent(app, by, create_consent(app, by, number))
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    answer = [("code", simulator.engine.grant_code("nl", user, divisions)), ("state", state)]
    assert complete_consent(app, answer, begun.browser_token, by.id).outcome is Outcome.GRANTED
