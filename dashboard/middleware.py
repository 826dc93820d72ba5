"""What every answer passes through (thin first version)."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.application import application
from core.tokens.secrets import new_token
from dashboard.cookies import BROWSER_LIFE, browser_cookie, set_cookie


class Shield:
    """Gives each browser a name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        settings = application().settings
        known = f"{browser_cookie(settings)}=" in Headers(scope=scope).get("cookie", "")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not known:
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    cookie = set_cookie(settings, browser_cookie(settings), new_token(), BROWSER_LIFE)
                    headers.append("set-cookie", cookie)
            await send(message)

        await self.app(scope, receive, answer)
