"""The frame around every page: who is there, the menu, the page."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, signin
from dashboard.feedback import attempt, show_flashes
from dashboard.frame import draw_logo, draw_sidebar, tell_trouble, watch_session

SIDEBAR_WIDTH = 240
"""Leaves the nine columns of the registrations room on a laptop of 1280 pixels."""

st.set_page_config(layout="wide", initial_sidebar_state=SIDEBAR_WIDTH)
draw_logo()
with signin.visit() as operator:
    entry, page = navigation.choose()
    if operator is None:
        signin.draw_form(navigation.address(entry.key))
    else:
        draw_sidebar(operator, entry)
        told = tell_trouble()
        show_flashes()
        with attempt():
            navigation.run(entry, page, operator)
        watch_session(told)
