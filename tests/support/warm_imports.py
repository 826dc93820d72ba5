"""Imported once in the process that servers fork from: what a server does before its first page, without settings."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import dashboard

_OTHERS = {"asgi", "main", "cli", "commands", "demo"}
"""Importing these makes the application, or draws, or takes what a server never loads."""

for _found in iter_modules(dashboard.__path__):
    if _found.name not in _OTHERS and not _found.name.startswith("cli_"):
        import_module(f"dashboard.{_found.name}")
import_module("streamlit.web.server.starlette")
