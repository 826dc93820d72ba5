"""Where in the manual's path the reader is."""

from __future__ import annotations

import streamlit as st

from core.i18n import N_, _

STEPS = (N_("Details"), N_("Consent at Exact Online"), N_("Administrations"))


def draw_steps(current: int) -> None:
    """One quiet line: the steps, with the current one (from 1) in bold."""
    # A number stays with the first word of its step, where a phone breaks the line.
    words = [f"{number}\N{NO-BREAK SPACE}{_(step)}" for number, step in enumerate(STEPS, start=1)]
    words[current - 1] = f"**{words[current - 1]}**"
    st.caption(" → ".join(words))
