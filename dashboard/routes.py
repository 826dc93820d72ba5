"""Every address of ours that is not a Streamlit page."""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core import clock
from core.application import application
from core.registrations import heartbeat
from dashboard import frame_page, routes_consent, routes_export, routes_invitation, routes_session

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


async def healthz(_request: Request) -> Response:
    """The process serves. Needs no thread: it answers while all of them wait for the database."""
    return JSONResponse({"status": "ok"})


def readyz(_request: Request) -> Response:
    """The process serves and all can be written; whether a keeper is at work is told beside it."""
    app = application()
    try:
        app.database.ping()
        trouble = app.health.trouble(app)
        ran_at = heartbeat.last_ran(app)
    except Exception:
        return JSONResponse({"status": "database unreachable"}, 503)
    if trouble:
        return JSONResponse({"status": trouble}, 503)
    missing = heartbeat.is_missing(ran_at, clock.now())
    seen = ran_at.isoformat() if ran_at else None
    return JSONResponse({"status": "ok", "keeper": "missing" if missing else "ok", "keeper_ran_at": seen})


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
        *routes_consent.ROUTES,
        *routes_export.ROUTES,
    ]
