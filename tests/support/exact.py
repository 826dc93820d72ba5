"""The simulator as the tests' Exact Online, and apps that point at it."""

from __future__ import annotations

from pydantic import SecretStr

from core.settings import ExactApp
from core.simulator.server import DEMO_ENVIRONMENTS, RunningSimulator

CLIENT_ID = "5d0c9b3e-0000-4000-8000-00000c11c4e2"
CLIENT_SECRET = "secret-of-the-tests"


def new_simulator(redirect_uri: str = "http://localhost:8501/exact/callback") -> RunningSimulator:
    """A simulator with a fresh state on a free port; enter it to start it."""
    return RunningSimulator(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, redirect_uri=redirect_uri)


def exact_apps(simulator: RunningSimulator) -> dict[str, ExactApp]:
    """Our app in the simulator's countries: nl, be and de."""
    return {
        code: ExactApp(
            client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET), base_url=simulator.base_url(code)
        )
        for code in DEMO_ENVIRONMENTS
    }
