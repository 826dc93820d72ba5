"""The bare page as an ASGI application, so that uvicorn can serve it in the way the product is served."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).parent / "bare.py")
