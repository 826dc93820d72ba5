"""A second click, in another place, before something that hurts."""

from __future__ import annotations

import streamlit as st


def confirmed(label: str, sentence: str, yes: str, key: str, icon: str) -> bool:
    """A button that opens ``sentence`` and a button ``yes``; true in the run in which that one is clicked."""
    with st.popover(label, icon=icon, key=key):
        st.markdown(sentence)
        return st.button(yes, key=f"{key}_yes", type="primary")
