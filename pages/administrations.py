"""All linked administrations: searched, filtered and sorted by the database, fifty a page."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _
from core.registrations.listing import ADMINISTRATION_SORTS, AdministrationQuery, list_administrations
from dashboard import list_page, signin
from dashboard.administration_rows import COLUMNS, draw_administrations
from dashboard.filters import Keys, Words, asked, draw_filters, draw_pages, is_filtered, sort_labels
from dashboard.navigation import page as page_of

KEYS = Keys("administrations", "a")

app = application()


@st.fragment(key=KEYS.rows)
def draw_rows(words: Words) -> None:
    """All that a change of search, filter, order or page draws anew."""
    by = signin.current(active=True)
    query = asked(KEYS, AdministrationQuery)
    list_page.draw_cut(query)
    page = list_administrations(app, by, query)
    if page.rows:
        sorting = list_page.sorting(KEYS, words, query)
        draw_administrations(page.rows, sorting, list_page.summary(by, "administrations", page, query))
        draw_pages(KEYS, page.pages, page.number)
    elif is_filtered(query):
        list_page.draw_no_match(KEYS)
    else:
        st.info(
            _(
                "No administrations are linked yet. They come with a registration, when its administrations are saved."
            ),
            icon=":material/inbox:",
        )
        st.page_link(page_of("registrations"), label=_("To the registrations"))


st.title(_("Administrations"))
offered = draw_filters(
    app,
    KEYS,
    sort_labels(ADMINISTRATION_SORTS, {code: _(word) for code, word in COLUMNS.items()}),
    _("Part of a name, or a code"),
)
draw_rows(offered)
