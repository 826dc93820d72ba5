"""Every address of ours that is not a Streamlit page."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.application import application
from dashboard import frame_page, routes_invitation, routes_session

STATIC = Path(__file__).parent / "static"
FONT = next(
    (Path(streamlit.__file__).parent / "static" / "static" / "media").glob("SourceSansVF-Upright.*.woff2")
)
ASSETS = {
    "plain.css": (STATIC / "plain.css", "text/css"),
    "icon.svg": (STATIC / "icon.svg", "image/svg+xml"),
    # The letter of the dashboard, out of Streamlit's wheel: one look for all pages.
    "font.woff2": (FONT, "font/woff2"),
}


def healthz(_request: Request) -> Response:
    """The process serves."""
    return JSONResponse({"status": "ok"})


def readyz(_request: Request) -> Response:
    """The process serves and its database answers."""
    try:
        application().database.ping()
    except Exception:
        return JSONResponse({"status": "database unreachable"}, 503)
    return JSONResponse({"status": "ok"})


def asset(request: Request) -> Response:
    """The style and the mark of plain pages; a list, so that no path can be asked for."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response(status_code=404)
    path, kind = ASSETS[name]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})


def routes() -> list[BaseRoute]:
    """All of them, for ``st.App``."""
    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/assets/{name}", asset),
        *frame_page.ROUTES,
        *routes_session.ROUTES,
        *routes_invitation.ROUTES,
        *_others(),
    ]


def _others() -> list[BaseRoute]:
    # While these are being written.
    names = ("dashboard.routes_consent", "dashboard.routes_export")
    return [route for name in names if find_spec(name) for route in import_module(name).ROUTES]
