"""What happens when the server starts, and the keeper that works while it runs."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import streamlit as st

from core import i18n
from core.accounts.passwords import dummy_hash
from core.application import application
from core.keeping.working import keep_within
from core.storage.schema import upgrade
from core.tokens.keys_in_use import check_keys
from dashboard.assets import warm_assets
from dashboard.rows_alone import ask_for_rows_alone
from dashboard.sockets import look_at_once, send_at_once
from dashboard.widget_values import check_values

# Streamlit and its libraries import these at first use: the first visitor would wait for seconds.
HEAVY = ("pandas", "pyarrow", "bcrypt", "dashboard.signin", "dashboard.frame")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Bring the database up to date, warm up, and keep connections alive while the server runs."""
    look_at_once()
    ask_for_rows_alone()
    send_at_once()
    check_values()
    await asyncio.to_thread(warm_up)
    stop = threading.Event()
    keeper = threading.Thread(target=keep_within, args=(application(), stop), name="keeper")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(keeper.join)


def warm_up() -> None:
    """Everything the first session would wait for."""
    upgrade(application().database)
    check_keys(application().database, application().vault)
    for name in HEAVY:
        import_module(name)
    for code in i18n.LANGUAGES:
        with i18n.language(code):
            i18n._("Sign in")
    warm_assets()
    dummy_hash()  # else the first who tries an unknown address would wait twice as long as for a known one
    # What is loaded by now stays for good: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
