"""Streamlit's scripts and styles, compressed once and served from memory.

Streamlit sends them as they are, file by file through a thread: compressing at each request would cost more than it
saves (its own note in ``starlette_gzip_middleware``). Compressed once, the first opening brings 0.9 instead of
2.9 MB over the line. Their names carry a hash of their content, so a browser asks for each only once.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
import threading
from pathlib import Path

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.frame_page import frame_page

STATIC = Path(streamlit.__file__).parent / "static" / "static"
PREFIX = "/static/"
KEPT = "public, immutable, max-age=31536000"
_SMALLEST = 500
"""Bytes; below this compressing gains nothing."""
_packed: dict[str, bytes] = {}
_lock = threading.Lock()


def files() -> dict[str, Path]:
    """What may be asked for, by name below /static/: the files that are there, and nothing else."""
    return {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}


def first_asked(page: str) -> tuple[str, ...]:
    """The scripts and styles that every page loads."""
    return tuple(dict.fromkeys(re.findall(r'"/static/((?:js|css)/[^"]+)"', page)))


def warm_assets() -> None:
    """Compress beforehand what the first visitor will ask for: about 0.3 s for 60 files."""
    known = files()
    for name in first_asked(frame_page()):
        if name in known:
            packed(name, known[name])


def packed(name: str, path: Path) -> bytes:
    """The file compressed with gzip, kept from then on."""
    with _lock:
        if name not in _packed:
            _packed[name] = gzip.compress(path.read_bytes(), 6, mtime=0)
        return _packed[name]


class Assets:
    """Answers for /static/ where it can; everything else goes on to Streamlit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.files = files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        name = scope["path"].removeprefix(PREFIX) if scope["type"] == "http" else ""
        path = self.files.get(name)
        if path is None or scope["method"] != "GET" or not _wanted(name, path, Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        content = _packed.get(name) or await run_in_threadpool(packed, name, path)
        headers = {"Content-Encoding": "gzip", "Cache-Control": KEPT, "Vary": "Accept-Encoding"}
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        await Response(content, headers=headers, media_type=kind)(scope, receive, send)


def _wanted(name: str, path: Path, headers: Headers) -> bool:
    """Whether it pays: fonts and pictures are compressed already."""
    if not name.endswith((".js", ".css", ".svg")) or "range" in headers:
        return False
    return "gzip" in headers.get("accept-encoding", "") and path.stat().st_size >= _SMALLEST
