"""An engine with a clock that stands still until a test moves it, and the words it is spoken to with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from core.simulator.answers import Answer
from core.simulator.api import ApiRequest
from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorApp, SimulatorConfig
from core.simulator.engine import Engine
from core.simulator.token_endpoint import TokenRequest

START = datetime(2026, 11, 1, 12, 0, 10, tzinfo=UTC)
CALLBACK = "https://clickker.example/exact/callback"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
TEST_BV = "test@testbv.example"
CONFIG = SimulatorConfig(
    apps=(
        SimulatorApp("nl", "1111-nl", "secret-nl", CALLBACK),
        SimulatorApp("be", "2222-be", "secret-be", CALLBACK),
    ),
    base_url="http://127.0.0.1",
    enabled=True,
    control=True,
)


class Caller:
    """An app that talks to the engine without HTTP."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.access = ""
        self.refresh_token = ""

    def post(self, **fields: str) -> Answer:
        form = {"client_id": "1111-nl", "client_secret": "secret-nl", **fields}
        return self.engine.token(TokenRequest("nl", urlencode(form).encode()))

    def exchange(self, code: str, **more: str) -> Answer:
        answer = self.post(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, **more)
        return self._keep(answer)

    def refresh(self, token: str = "") -> Answer:
        answer = self.post(grant_type="refresh_token", refresh_token=token or self.refresh_token)
        return self._keep(answer)

    def connect(self, user: str = TEST_BV, divisions: Any = "all") -> Caller:
        assert self.exchange(self.engine.grant_code("nl", user, divisions)).status == 200
        return self

    def connect_refused(self, user: str = TEST_BV) -> Answer:
        return self.exchange(self.engine.grant_code("nl", user))

    def get(self, path: str, query: str = "", **more: str) -> Answer:
        given = {"authorization": f"Bearer {self.access}", "accept": "application/json", **more}
        return self.engine.api(ApiRequest("nl", "http://127.0.0.1/nl", path, query, **given))

    def rows(self, path: str, query: str = "") -> list[dict[str, Any]]:
        document = json.loads(self.get(path, query).body)["d"]
        rows: list[dict[str, Any]] = document if isinstance(document, list) else document["results"]
        return rows

    def _keep(self, answer: Answer) -> Answer:
        if answer.status == 200:
            tokens = json.loads(answer.body)
            self.access, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return answer


def made_engine(config: SimulatorConfig = CONFIG) -> Engine:
    return Engine(config, clock=SimulatorClock(lambda: START))


@pytest.fixture
def engine() -> Engine:
    return made_engine()


@pytest.fixture
def caller(engine: Engine) -> Caller:
    return Caller(engine)
