"""The ways from the form to other drafts: to one that was begun before, and to an empty form."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import _, ngettext
from core.registrations.drafts import unfinished_drafts
from core.registrations.status import Status
from dashboard import draft
from dashboard.feedback import attempt
from dashboard.moments import time_of_day
from dashboard.navigation import page


def draw_unfinished(app: Application, by: CurrentOperator, place: DeltaGenerator, number: int | None) -> None:
    """A link to the operator's drafts beside the one that stands here; nothing where there are none."""
    count, latest = unfinished_drafts(app, by, number)
    if latest is None:
        return
    words = ngettext("{count} unfinished draft: continue", "{count} unfinished drafts: continue", count)
    where, query = page("register"), {"id": str(latest)}
    if count > 1:
        where, query = page("registrations"), {"status": Status.DRAFT.value}
    place.page_link(where, label=words.format(count=count), query_params=query, icon=":material/edit_note:")


def draw_start_afresh(app: Application, by: CurrentOperator, one: draft.OneDraft) -> None:
    """When it was kept, and the way to an empty form; nothing before something was typed."""
    if one.number is None or one.saved_at is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("Draft saved {time}").format(time=time_of_day(one.saved_at)), width="content")
        with st.popover(_("Start afresh"), type="tertiary"):
            if st.button(_("Keep this draft and begin another"), key="register_another"):
                draft.begin_another()
            if st.button(_("Throw away and start afresh"), key="register_afresh"):
                with attempt():
                    draft.start_afresh(app, by)
