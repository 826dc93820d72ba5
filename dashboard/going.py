"""Leaving for another address in this same tab: ``st.link_button`` would open a new one."""

from __future__ import annotations

import html

import streamlit as st

from core.accounts.sessions import own_target

# A constant, so that the Content-Security-Policy can allow it by its hash; the address is data beside it.
# Nothing that people name becomes an attribute: by its id a heading of the same name would be found instead.
GO_SCRIPT = 'location.assign(document.querySelector("div[data-to]").dataset.to)'


def go_to(path: str) -> None:
    """Send this tab to a path of our own and stop the run; any other address becomes "/"."""
    to = html.escape(own_target(path), quote=True)
    st.html(
        f'<div data-to="{to}"></div><script>{GO_SCRIPT}</script>',
        unsafe_allow_javascript=True,
    )
    st.stop()
