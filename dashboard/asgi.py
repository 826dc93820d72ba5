"""The server: ``uvicorn dashboard.asgi:app`` (see ``dashboard.serving``), or ``streamlit run dashboard/asgi.py``.

Streamlit finds the application by reading this source: the last statement must stay a literal ``app = st.App(...)``.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from core.settings import Settings
from dashboard.assets import Assets
from dashboard.feedback import report
from dashboard.housekeeping import lifespan
from dashboard.middleware import Shield
from dashboard.provider_door import ProviderDoor
from dashboard.routes import routes
from dashboard.single_sign_on import provider_secrets

app = st.App(
    Path(__file__).parent / "main.py",
    lifespan=lifespan,
    routes=routes(),
    middleware=[Middleware(Shield), Middleware(Assets), Middleware(ProviderDoor)],
    secrets=provider_secrets(Settings()),
    on_script_error=report,
)
