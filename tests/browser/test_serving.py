"""The server as it is started for real, on PostgreSQL: on SQLite the demo's tests start it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from core.accounts.roles import Role
from tests.browser.steps import sign_in
from tests.support.live import Live, get, typed_dashboard
from tests.support.postgres import TEMPLATE, PostgresServer


@pytest.fixture
def served(postgres: PostgresServer, tmp_path: Path) -> Iterator[Live]:
    with postgres.new_database(TEMPLATE) as url, typed_dashboard(url, tmp_path) as running:
        yield running


def test_it_serves_lets_in_and_tells_the_end_of_the_audit_log(served: Live, page: Page) -> None:
    assert get(served.port, "/readyz") == 200
    served.add_operator("sanne@clickker.test", "Sanne de Boer", Role.SUPPORT, "en")

    sign_in(page, served, "sanne@clickker.test")

    told = [json.loads(line) for line in served.log.read_text().splitlines()]
    heads = [line["message"] for line in told if line["logger"] == "clickker.audit"]
    assert [head.rsplit(" ", 1)[0] for head in heads] == ["audit head 2"]  # 1 was the account, made elsewhere
