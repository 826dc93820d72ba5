"""What happens when the server starts, and every now and then after that."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module

import streamlit as st

from core import i18n
from core.application import application
from core.registrations import incidents
from core.registrations.incidents import sweep
from core.registrations.settle import settle_due
from core.storage.schema import upgrade
from dashboard.assets import warm_assets
from dashboard.sockets import send_at_once

_log = logging.getLogger("clickker.dashboard")
EVERY_SECONDS = 15
BATCH = 500
# Streamlit and its libraries import these at first use: the first visitor would wait for seconds.
HEAVY = ("pandas", "pyarrow", "streamlit_authenticator", "bcrypt", "dashboard.signin", "dashboard.frame")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Bring the database up to date, warm up, and keep house while the server runs."""
    send_at_once()
    await asyncio.to_thread(warm_up)
    housekeeping = asyncio.create_task(_keep_house())
    try:
        yield
    finally:
        housekeeping.cancel()
        with suppress(asyncio.CancelledError):
            await housekeeping


def warm_up() -> None:
    """Everything the first session would wait for."""
    upgrade(application().database)
    _import_heavy()
    for code in i18n.LANGUAGES:
        with i18n.language(code):
            i18n._("Sign in")
    warm_assets()
    # What is loaded by now stays for good: no collection needs to look at it again.
    gc.collect()
    gc.freeze()


def _import_heavy() -> None:
    # streamlit-authenticator asks for the session state while it is imported, and Streamlit warns at each asking.
    logging.disable(logging.WARNING)
    try:
        for name in HEAVY:
            import_module(name)
    finally:
        logging.disable(logging.NOTSET)


async def _keep_house() -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await asyncio.to_thread(tidy)
        except Exception:
            _log.exception("Housekeeping failed; it is tried again in %s seconds", EVERY_SECONDS)


def tidy() -> None:
    """Re-derive the statuses whose time has come, a batch at a time, and what incidents have left behind."""
    app = application()
    while settle_due(app, BATCH) == BATCH:
        pass
    while sweep(app) == incidents.BATCH:
        pass
