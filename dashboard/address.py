"""What the address of a page names."""

from __future__ import annotations

import streamlit as st

_DIGITS = 15


def number_in_address(name: str = "id") -> int | None:
    """The number in ``?id=...``; None when there is none, or something else stands there."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
