"""The PyPI client `exactonline` 0.4.0, which nobody here wrote, finds an Exact Online in the simulator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import exactonline.http
import httpx
import pytest
from exactonline.api import ExactApi
from exactonline.resource import GET
from exactonline.storage import ExactOnlineConfig, MissingSetting

from core import clock
from core.simulator.server import RunningSimulator
from tests.core.simulator.conftest import ACCOUNTANT

CALLBACK = "https://clickker.example/callback"


class Storage(ExactOnlineConfig):  # type: ignore[misc]  # the package carries no types
    """The client's settings, in a dict."""

    def __init__(self, url: str) -> None:
        self._values: dict[tuple[str, str], Any] = {
            ("server", "auth_url"): f"{url}/api/oauth2/auth",
            ("server", "rest_url"): f"{url}/api",
            ("server", "token_url"): f"{url}/api/oauth2/token",
            ("application", "base_url"): CALLBACK,
            ("application", "client_id"): "{f00d-app}",
            ("application", "client_secret"): "secret",
        }

    def get(self, section: str, option: str) -> Any:
        if (section, option) not in self._values:
            raise MissingSetting(option)
        return self._values[section, option]

    def set(self, section: str, option: str, value: Any) -> None:
        self._values[section, option] = value


@pytest.fixture
def served() -> Iterator[RunningSimulator]:
    with RunningSimulator(client_id="f00d-app", client_secret="secret", redirect_uri=CALLBACK) as running:
        yield running


@pytest.fixture
def api(served: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(exactonline.http.opt_secure, "protocols", ("http",))
    # Its certificate handler serves https only and opens no http connection through a proxy of this machine.
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return ExactApi(Storage(served.base_url("nl")))


def consent(address: str) -> str:
    """Walk the pages at the client's own authorize address; the code that comes back."""
    with httpx.Client(follow_redirects=True, headers={"Accept-Language": "en"}) as browser:
        login = browser.get(address)
        form = {"csrf": _csrf(login.text), "user_name": ACCOUNTANT, "password": "exact-demo"}
        page = browser.post(f"{login.url}/login", data=form)
        choice = {"which": "all", "terms": "yes", "use_of_data": "yes", "action": "allow"}
        answer = browser.post(
            f"{page.url}/decide", data={"csrf": _csrf(page.text), **choice}, follow_redirects=False
        )
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found.group(1)


def test_it_authorises_reads_seventy_divisions_and_refreshes(api: Any, served: RunningSimulator) -> None:
    api.request_token(consent(api.create_auth_request_url()))
    choices, current = api.get_divisions()
    assert current == 2000001 and choices[current] == "Van Dijk Accountants B.V."
    divisions = api.rest(GET(f"v1/{current}/system/Divisions?$select=Code,Description"))
    assert len(divisions) >= 70
    api.set_division(2001001)
    assert api.relations.filter(top=1)[0]["Name"]

    before = (api.storage.get_access_token(), api.storage.get_refresh_token())
    with pytest.raises(exactonline.http.HTTPError) as early:
        api.refresh_token()
    assert early.value.code == 400
    served.engine.advance(timedelta(seconds=570))
    api.refresh_token()
    after = (api.storage.get_access_token(), api.storage.get_refresh_token())
    assert not set(before) & set(after)
    assert api.rest(GET("v1/current/Me?$select=FullName"))[0]["FullName"] == "Anneke van Dijk"


def test_it_refreshes_by_itself_after_a_401(api: Any, served: RunningSimulator) -> None:
    api.request_token(consent(api.create_auth_request_url()))
    served.engine.advance(600)
    assert api.storage.get_access_expiry() > clock.now().timestamp()
    assert api.rest(GET("v1/current/Me"))[0]["UserName"] == ACCOUNTANT
    assert [issued.condition for issued in served.engine.journal()] == ["spent", "live"]
