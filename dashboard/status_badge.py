"""A status in one colour and one icon everywhere."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.registrations.status import Status
from core.registrations.wording import status_word

Color = Literal["red", "orange", "blue", "green", "gray", "violet"]

LOOKS: dict[Status, tuple[Color, str]] = {
    Status.CONNECTED: ("green", ":material/check_circle:"),
    Status.PARTLY_CONNECTED: ("orange", ":material/rule:"),
    Status.ATTENTION: ("orange", ":material/warning:"),
    Status.EXACT_OUTAGE: ("violet", ":material/cloud_off:"),
    Status.RECONNECT_NEEDED: ("red", ":material/link_off:"),
    Status.CHOOSE_ADMINISTRATIONS: ("blue", ":material/checklist:"),
    Status.WAITING_FOR_CONSENT: ("blue", ":material/hourglass_empty:"),
    Status.CONSENT_DENIED: ("orange", ":material/thumb_down:"),
    Status.DRAFT: ("gray", ":material/edit_note:"),
    Status.PAUSED: ("gray", ":material/pause_circle:"),
    Status.DISCONNECTED: ("gray", ":material/block:"),
}
HEX: dict[str, str] = {
    "green": "#2e7d4f",
    "orange": "#c77700",
    "red": "#c0392b",
    "blue": "#2f6fb0",
    "violet": "#7356a8",
    "gray": "#8a8f98",
}
"""The same colours where Streamlit's names do not reach: in a bar of HTML."""


def status_badge(status: Status) -> None:
    """The status as a badge."""
    color, icon = LOOKS[status]
    st.badge(status_word(status), icon=icon, color=color)


def status_text(status: Status) -> str:
    """The status as a badge inside Markdown."""
    color, icon = LOOKS[status]
    return f":{color}-badge[{icon} {status_word(status)}]"


def status_color(status: Status) -> str:
    """The status's colour as CSS writes it."""
    return HEX[LOOKS[status][0]]
