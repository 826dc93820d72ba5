"""What happens when the server starts, and every now and then after that."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import anyio
import streamlit as st

from core import i18n
from core.application import application
from core.storage.schema import upgrade

_log = logging.getLogger("clickker.dashboard")
EVERY_SECONDS = 15
# Streamlit and its libraries import these at first use: the first visitor would wait for seconds.
HEAVY = ("pandas", "pyarrow", "streamlit_authenticator", "bcrypt", "dashboard.signin", "dashboard.frame")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Bring the database up to date, warm up, and keep house while the server runs."""
    await anyio.to_thread.run_sync(warm_up)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_house)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()


def warm_up() -> None:
    """Everything the first session would wait for."""
    upgrade(application().database)
    for name in HEAVY:
        import_module(name)
    for code in i18n.LANGUAGES:
        with i18n.language(code):
            i18n._("Sign in")
    # What is loaded by now stays for good: no collection needs to look at it again.
    gc.collect()
    gc.freeze()


async def _keep_house() -> None:
    while True:
        await anyio.sleep(EVERY_SECONDS)
        try:
            await anyio.to_thread.run_sync(tidy)
        except Exception:
            _log.exception("Housekeeping failed; it is tried again in %s seconds", EVERY_SECONDS)


def tidy() -> None:
    """Re-derive the statuses whose time has come."""
