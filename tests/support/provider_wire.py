"""Streamlit's own sign-in routes behind our door, and a provider whose every answer the test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.testclient import TestClient
from streamlit.runtime.secrets import secrets_singleton
from streamlit.user_info import generate_login_redirect_url
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes

from core import clock
from core.accounts.sso import begin_sign_in
from core.application import Application, use
from core.settings import SingleSignOn
from dashboard import limits
from dashboard.cookies import browser_cookie
from dashboard.middleware import Shield
from dashboard.provider_door import ProviderDoor
from dashboard.routes import routes
from dashboard.single_sign_on import ENTRY, provider_secrets

ISSUER = "https://id.contoso.test"
SSO = SingleSignOn(
    name="Contoso",
    client_id="clickker",
    client_secret=SecretStr("our secret at the provider"),
    metadata_url=f"{ISSUER}/.well-known/openid-configuration",
)
TOKEN_URL, JWKS_URL = f"{ISSUER}/token", f"{ISSUER}/jwks"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": TOKEN_URL,
    "jwks_uri": JWKS_URL,
    "id_token_signing_alg_values_supported": ["RS256"],
}
ACCESS_TOKEN = "an-access-token-for-nobodys-eyes"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})


def with_sso(app: Application, **changes: object) -> Application:
    """The application of the test with single sign-on, in force."""
    settings = app.settings.model_copy(update={"sso": SSO, **changes})
    changed = Application(settings, app.database, app.vault, app.exact)
    use(changed)
    return changed


def signed(claims: dict[str, object], key: RSAKey) -> str:
    """An ID token as the provider makes one."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


@dataclass
class Wire:
    """One browser at our routes, and the provider that they ask."""

    app: Application
    browser: TestClient
    router: respx.MockRouter
    token_calls: list[httpx.Request] = field(default_factory=list)
    id_tokens: list[str] = field(default_factory=list)
    sign: Callable[[dict[str, object]], str] = lambda claims: signed(claims, KEY)

    def name(self) -> str:
        """The browser's name, which any page of ours gives it."""
        cookie = browser_cookie(self.app.settings)
        if cookie not in self.browser.cookies:
            self.browser.get("/invitation/unknown")
        return str(self.browser.cookies[cookie])

    def leave(self, entry: str = ENTRY) -> dict[str, str]:
        """Go to the provider; what it is asked."""
        answer = self.browser.get(generate_login_redirect_url(entry))
        assert answer.status_code == 303, answer.text
        location = urlsplit(answer.headers["location"])
        assert f"{location.scheme}://{location.netloc}{location.path}" == METADATA["authorization_endpoint"]
        return {name: value for name, (value,) in parse_qs(location.query).items()}

    def sign_in(self, target: str = "/", **said: object) -> httpx.Response:
        """Begin, leave and come back; the token says ``said`` in the place of what is right."""
        begin_sign_in(self.app, self.name(), target)
        asked = self.leave()
        return self.come_back(asked, **said)

    def come_back(self, asked: dict[str, str], **said: object) -> httpx.Response:
        """The provider is content and sends the browser back."""
        self.answer(asked, **said)
        answer: httpx.Response = self.browser.get(
            "/oauth2callback", params={"code": "a-code", "state": asked["state"]}
        )
        return answer

    def answer(self, asked: dict[str, str], **said: object) -> None:
        """What the token address will give."""
        moment = int(clock.now().timestamp())
        right = {"iss": ISSUER, "sub": "alice-1", "aud": "clickker", "iat": moment, "exp": moment + 3600}
        told = right | {"auth_time": moment, "nonce": asked["nonce"]} | said
        claims = {name: value for name, value in told.items() if value is not None}
        token = self.sign(claims)

        def give(request: httpx.Request) -> httpx.Response:
            self.token_calls.append(request)
            self.id_tokens.append(token)
            given = {"token_type": "Bearer", "access_token": ACCESS_TOKEN, "id_token": token}
            return httpx.Response(200, json=given)

        self.router.post(TOKEN_URL).mock(side_effect=give)


@contextmanager
def wire(app: Application, patch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Until the block ends; ``app`` must have single sign-on."""
    limits.forget()
    made: Any = provider_secrets(app.settings)
    patch.setattr(secrets_singleton, "_secrets", made)
    served = Starlette(
        routes=[*routes(), *create_auth_routes("")],
        middleware=[
            Middleware(Shield),
            Middleware(ProviderDoor),
            Middleware(SessionMiddleware, secret_key="of the test", session_cookie="_streamlit_session"),
        ],
    )
    english = {"accept-language": "en"}
    with (
        respx.mock(assert_all_called=False) as router,
        TestClient(
            served, base_url=app.settings.public_url, headers=english, follow_redirects=False
        ) as browser,
    ):
        router.get(SSO.metadata_url).respond(json=METADATA)
        router.get(JWKS_URL).respond(json={"keys": [KEY.as_dict(private=False)]})
        yield Wire(app, browser, router)
