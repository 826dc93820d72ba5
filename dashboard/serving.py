"""Turning this process into the server, or refusing to."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from core.errors import SettingsError
from core.i18n import _
from core.settings import Settings
from core.starting import reasons_not_to_serve
from core.starting_database import check_database
from core.tokens.keys_in_use import check_keys_of

ROOT = Path(__file__).parent.parent
"""Settings, database and Streamlit's config.toml are looked for from here."""


def serve(settings: Settings, address: str) -> None:
    """Replace this process by the server on ``settings.port``; a signal to it ends everything.

    Raises ``SettingsError`` when something must be mended first.
    """
    reasons = reasons_not_to_serve(settings)
    if reasons:
        raise SettingsError("\n".join(reasons))
    check_port_free(settings.port, "CLICKKER_PORT", address)
    check_keys_of(settings)  # the server looks again; here it is a sentence, and there the end of a traceback
    check_database(settings)
    command = server_command(settings.port, address, settings.log_format or "json")
    os.execv(command[0], command)  # noqa: S606 - the command is ours, word for word


def server_command(port: int, address: str, log: str) -> list[str]:
    """The command that serves; it must run with ``ROOT`` as its working directory (design fact: config.toml)."""
    if not (ROOT / ".streamlit" / "config.toml").exists():
        raise SettingsError(
            _(
                "The file .streamlit/config.toml is missing beside {folder}: install the product with its sources."
            ).format(folder=ROOT / "dashboard")
        )
    return [sys.executable, "-m", "dashboard.server", "--host", address, "--port", str(port), "--log", log]


def check_port_free(port: int, setting: str, address: str = "localhost") -> None:
    """Raises ``SettingsError`` that names the setting when another program listens there."""
    for family, kind, protocol, _name, where in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(1)
            if probe.connect_ex(where) == 0:
                raise SettingsError(
                    _(
                        "Port {port} is taken by another program. Stop that, or choose another port with {setting}."
                    ).format(port=port, setting=setting)
                )
