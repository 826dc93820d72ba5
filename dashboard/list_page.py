"""What stands around a list: how many match, the exports, and a word when nothing does."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.i18n import _, ngettext
from core.registrations.query import COUNT_LIMIT, LONGEST_SEARCH, ListQuery, Page
from core.registrations.scope import only_owner
from dashboard.bars import figure
from dashboard.filters import Keys, Words, as_address, clear_filters, sort_addresses
from dashboard.list_words import Sorting
from dashboard.navigation import address


def summary(by: CurrentOperator, what: str, page: Page[Any], query: ListQuery) -> str:
    """How many rows match, and links that export or change what the filter shows."""
    shown = _count(page)
    if by.may(Action.EXPORT):
        shown += " &nbsp;·&nbsp; " + _("Export:") + " " + _anchor(f"/export/{what}.csv", "CSV", query) + ", "
        shown += _anchor(f"/export/{what}.xlsx", "Excel", query)
    if what == "registrations" and by.may(Action.EDIT_NOTE):
        shown += " &nbsp;·&nbsp; " + _link_to_bulk(query)
    return f'<div style="font-size:.875rem;color:#526471;margin-bottom:1rem">{shown}</div>'


def sorting(keys: Keys, words: Words, query: ListQuery) -> Sorting:
    """The titles of the columns lead to the same list, sorted by them."""
    return Sorting(query.sort, query.descending, address(keys.page), sort_addresses(keys, words, query))


def draw_cut(query: ListQuery) -> None:
    """Say that not all of what was pasted is searched."""
    if query.cut:
        st.caption(_("Only the first {count} characters are searched.").format(count=LONGEST_SEARCH))


def draw_nothing(app: Application, by: CurrentOperator, sentence: str) -> None:
    """There is nothing at all; or nothing of whoever sees only his own."""
    if only_owner(app.settings, by) is not None:
        sentence = _(
            "None of the registrations is yours yet. Support or an admin makes you the owner of one."
        )
    st.info(sentence, icon=":material/inbox:")


def draw_no_match(keys: Keys) -> None:
    """Nothing matches: say so, and offer everything again."""
    st.info(
        _(
            "Nothing matches this search and these filters. One or two letters find names that begin with them; "
            "three or more find any part."
        ),
        icon=":material/search_off:",
    )
    st.button(
        _("Clear filters"),
        key=keys.of("clear"),
        on_click=clear_filters,
        args=(keys,),
        icon=":material/filter_alt_off:",
    )


def _count(page: Page[Any]) -> str:
    if page.more:
        return _("More than {count} found").format(count=figure(COUNT_LIMIT))
    return ngettext("{count} found", "{count} found", page.count).format(count=figure(page.count))


def _link_to_bulk(query: ListQuery) -> str:
    # In one parameter: those that belong to this list's widgets leave the address with them.
    where, label = address("bulk", filter=as_address(query)), _("Change several")
    return f'<a href="{escape(where)}" style="color:#14547a">{label}</a>'


def _anchor(path: str, label: str, query: ListQuery) -> str:
    asked = as_address(query)
    where = path + (f"?{asked}" if asked else "")
    return f'<a href="{escape(where)}" style="color:#14547a">{label}</a>'
