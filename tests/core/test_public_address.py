"""However CLICKKER_PUBLIC_URL is typed: right everywhere, or refused at start with the reason."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core.accounts.invitations import invite
from core.accounts.roles import Role
from core.application import Application, use
from core.settings import Settings
from core.starting import reasons_not_to_serve
from dashboard.cookies import session_cookie, set_cookie
from dashboard.headers import security_headers
from dashboard.middleware import Shield
from dashboard.origin import own_address, own_names, own_origins
from dashboard.routes import routes

TYPED = {
    "HTTPS://Connections.Example.NL": "https://connections.example.nl",
    " https://connections.example.nl ": "https://connections.example.nl",
    "https://connections.example.nl\n": "https://connections.example.nl",
    "https://connections.example.nl/": "https://connections.example.nl",
    "https://connections.example.nl:443": "https://connections.example.nl",
    "https://connections.example.nl:": "https://connections.example.nl",
    "https://Connections.Example.NL:08443": "https://connections.example.nl:8443",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "https://[2001:DB8::0:1]": "https://[2001:db8::1]",
    "http://LOCALHOST:80": "http://localhost",
}


@pytest.mark.parametrize(("typed", "sent"), TYPED.items())
@pytest.mark.parametrize("copied", [False, True])
def test_what_is_taken_is_right_everywhere(app: Application, typed: str, sent: str, copied: bool) -> None:
    settings = (
        app.settings.model_copy(update={"public_url": typed})
        if copied
        else Settings(**(dict(app.settings) | {"public_url": typed}))
    )
    secure = sent.startswith("https")
    assert reasons_not_to_serve(settings) == ()
    assert settings.secure is secure
    assert ("strict-transport-security" in security_headers(settings)) is secure
    assert ("Secure" in set_cookie(settings, session_cookie(settings), "x")) is secure
    assert session_cookie(settings).startswith("__Host-") is secure
    assert settings.redirect_uri == f"{sent}/exact/callback"
    assert settings.provider_redirect_uri == f"{sent}/oauth2callback"
    assert sent in own_origins(settings)
    assert own_address(settings, "/x") == f"{sent}/x"
    used = Application(settings, app.database, app.vault, app.exact)
    use(used)
    link = invite(used, None, "new@clickker.test", "New", Role.SUPPORT).url
    assert link.startswith(f"{sent}/invitation/")
    host = sent.partition("//")[2]
    client = TestClient(Starlette(routes=routes(), middleware=[Middleware(Shield)]), base_url=sent)
    assert client.get("/readyz", headers={"host": host}).status_code == 200
    assert client.get("/assets/plain.css", headers={"host": host}).status_code == 200
    assert own_names(settings)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("https://connections.example.nl/app", "without a path"),
        ("https://connections.example.nl//", "without a path"),
        ("https://connections.example.nl?x=1", "without a path"),
        ("https://connections.example.nl#", "without a path"),
        ("https://user:secret@connections.example.nl", "without a path"),
        ("https://bücher.example", "xn--"),
        ("https://connections example.nl", "blank"),
        ("https://connections.exam\tple.nl", "blank"),
        ("https://connections.example.nl\u200b", "blank"),
        ("https:\\\\connections.example.nl", "blank"),
        ("https://connections.example.nl:0", "port"),
        ("https://connections.example.nl:65536", "port"),
        ("https://connections.example.nl:web", "port"),
        ("https://connections.example.nl:٤٤٣", "port"),
        ("https://connections..example.nl", "host name"),
        ("https://connections.example.nl.", "host name"),
        ("https://-connections.example.nl", "host name"),
        ("https://*.example.nl", "host name"),
        ("https://10.1", "host name"),
        ("https://[2001:db8::1", "host name"),
        ("https://", "the address people open"),
        ("connections.example.nl", "the address people open"),
        ("ftp://connections.example.nl", "the address people open"),
        ("http://connections.example.nl", "must start with https"),
    ],
)
def test_what_is_not_is_refused_with_the_reason(settings: Settings, typed: str, reason: str) -> None:
    [said] = reasons_not_to_serve(settings.model_copy(update={"public_url": typed}))
    assert "CLICKKER_PUBLIC_URL" in said
    assert reason in said
    assert "secret" not in said
