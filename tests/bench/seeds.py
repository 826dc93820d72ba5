"""Databases with many registrations, kept under var/bench so that a second round starts at once."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from pathlib import Path

from pydantic import SecretStr

import core.seed
from core.application import build
from core.settings import Settings
from core.storage.schema import upgrade
from tests.bench.servers import FOLDER
from tests.support.live import ROOT

ADMINISTRATIONS = 10
KEPT_HOURS = 12
"""Moments are counted back from the seeding: in an older database the statuses have begun to change by themselves."""
_SOURCES = (
    "core/seed*.py",
    "core/storage/models.py",
    "core/storage/search.py",
    "core/storage/migrations/versions/*.py",
    "core/registrations/status.py",
    "core/registrations/names.py",
)


def seeded_sqlite(size: int) -> str:
    """The address of an SQLite database with ``size`` registrations, made now unless a young one is there."""
    path = FOLDER / f"{size}-{_digest()}.db"
    seeded = path.with_suffix(".seeded")  # made last: a seeding that was broken off leaves none
    if not seeded.exists() or time.time() - seeded.stat().st_mtime > KEPT_HOURS * 3600:
        for old in FOLDER.glob(f"{size}-*"):
            old.unlink()
        seed(f"sqlite:///{path}", size)
        seeded.touch()
    return f"sqlite:///{path}"


def seed(url: str, size: int) -> float:
    """Fill an empty database; returns how many seconds it took."""
    started = time.perf_counter()
    key = SecretStr(base64.b64encode(os.urandom(32)).decode())
    app = build(Settings(database_url=SecretStr(url), encryption_keys=key))
    try:
        upgrade(app.database)
        core.seed.seed(app, size, ADMINISTRATIONS)
    finally:
        app.exact.close()
        app.database.dispose()
    return time.perf_counter() - started


def _digest() -> str:
    """Changes with the tables and with what is seeded into them."""
    taken = hashlib.sha256()
    for pattern in _SOURCES:
        for source in sorted(Path(ROOT).glob(pattern)):
            taken.update(source.read_bytes())
    return taken.hexdigest()[:12]
