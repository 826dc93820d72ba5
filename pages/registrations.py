"""All registrations: searched, filtered and sorted by the database, fifty a page."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action
from core.application import application
from core.i18n import _
from core.registrations.listing import REGISTRATION_SORTS, RegistrationQuery, list_registrations
from dashboard import list_page, signin
from dashboard.filters import Keys, Words, asked, draw_filters, draw_pages, is_filtered, sort_labels
from dashboard.navigation import switch_to
from dashboard.registration_rows import COLUMNS, draw_registrations

KEYS = Keys("registrations", "")

app = application()


@st.fragment(key=KEYS.rows)
def draw_rows(words: Words) -> None:
    """All that a change of search, filter, order or page draws anew."""
    by = signin.current(active=True)
    query = asked(KEYS, RegistrationQuery)
    list_page.draw_cut(query)
    page = list_registrations(app, by, query)
    if page.rows:
        sorting = list_page.sorting(KEYS, words, query)
        draw_registrations(page.rows, sorting, list_page.summary(by, "registrations", page, query))
        draw_pages(KEYS, page.pages, page.number)
    elif is_filtered(query):
        list_page.draw_no_match(KEYS)
    else:
        list_page.draw_nothing(app, by, _("There are no registrations yet."))
        if by.may(Action.REGISTER) and st.button(
            _("Register the first customer"),
            key="registrations_first",
            type="primary",
            icon=":material/add_link:",
        ):
            switch_to("applications")


st.title(_("Registrations"))
offered = draw_filters(
    app,
    KEYS,
    sort_labels(REGISTRATION_SORTS, {code: _(word) for code, word in COLUMNS.items()}),
    _("Part of a name or reference"),
)
draw_rows(offered)
