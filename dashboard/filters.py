"""Search, filters and order above a list: kept in the address, so that a link shows the same to everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

import streamlit as st

from core.accounts.operators import active_operators
from core.application import Application
from core.exact.environments import ENVIRONMENTS, environment_name
from core.i18n import LANGUAGES, _, current_language, language
from core.registrations.query import WITHOUT_OWNER, ListQuery
from core.registrations.status import Status
from core.registrations.wording import status_word
from dashboard.address import number_in_address

Query = TypeVar("Query", bound=ListQuery)
Labels = Mapping[str, str]
"""What may be chosen: a code that stays the same in every language, and its word in the reader's."""
FILTERS = ("q", "status", "environment", "owner", "active")


@dataclass(frozen=True)
class Keys:
    """The names in the address; each list has its own, for an address's names are shared by all pages."""

    prefix: str

    def of(self, name: str) -> str:
        return self.prefix + name

    @property
    def rows(self) -> str:
        """The key of the fragment that draws the rows."""
        return self.of("rows")


def draw_filters(app: Application, keys: Keys, sorts: Labels, placeholder: str) -> None:
    """Draw the row above a list. A change runs the fragment ``keys.rows`` alone, which calls ``asked``.

    The rest of the page stays as it is: that halves what a click costs the server.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.text_input(
            _("Search"),
            key=keys.of("q"),
            bind="query-params",
            type="search",
            live="150ms",
            placeholder=placeholder,
            label_visibility="collapsed",
            max_chars=100,
            width=260,
            on_change=_show_first_page,
            args=(keys,),
        )
        _choose(keys, "status", _("Status"), _statuses)
        _choose(keys, "environment", _("Environment"), _environments)
        _choose(keys, "owner", _("Owner"), lambda: _owners(app))
        _choose(keys, "active", _("Connection setting"), _settings)
        _choose(keys, "sort", _("Sort by"), lambda: sorts)
        st.toggle(
            _("Descending"),
            key=keys.of("desc"),
            bind="query-params",
            on_change=_show_first_page,
            args=(keys,),
        )


def asked(keys: Keys, make: Callable[..., Query]) -> Query:
    """What the row above the list asks for at this moment."""
    chosen = {name: st.session_state.get(keys.of(name)) for name in (*FILTERS, "sort", "desc")}
    return make(
        search=chosen["q"] or "",
        status=chosen["status"] or "",
        environment=chosen["environment"] or "",
        owner_id=int(chosen["owner"]) if chosen["owner"] else None,
        active=chosen["active"] == "yes" if chosen["active"] else None,
        sort=chosen["sort"] or "name",
        descending=bool(chosen["desc"]),
        page=page_number(keys),
    )


def draw_pages(keys: Keys, pages: int, number: int) -> None:
    """The page numbers under a list, when there is more than one."""
    key = keys.of("page")
    if pages <= 1:
        return
    if st.session_state.get(key, number) != number:
        st.session_state[key] = number
    st.pagination(pages, key=key, bind="query-params")


def clear_filters(keys: Keys) -> None:
    """Callback of "Clear filters"; the order stays."""
    for name in FILTERS:
        st.session_state[keys.of(name)] = ""
    st.session_state[keys.of("page")] = 1
    st.rerun()  # the row of filters, which is no part of the fragment, shows other values now


def is_filtered(query: ListQuery) -> bool:
    """Whether anything narrows the list."""
    return bool(
        query.search
        or query.status
        or query.environment
        or query.owner_id is not None
        or query.active is not None
    )


def as_address(query: ListQuery) -> str:
    """The filter as the query of an address, in codes."""
    given: dict[str, str] = {
        "q": query.search,
        "status": query.status,
        "environment": query.environment,
        "owner": "" if query.owner_id is None else str(query.owner_id),
        "active": {None: "", True: "yes", False: "no"}[query.active],
    }
    return urlencode({name: value for name, value in given.items() if value})


def _choose(keys: Keys, name: str, label: str, options: Callable[[], Labels]) -> None:
    labels = options()
    key = keys.of(name)
    _adopt(key, labels, options)
    st.selectbox(
        label,
        list(labels),
        format_func=lambda code: labels.get(code, code),
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        width=165,
        on_change=_show_first_page,
        args=(keys,),
    )


def _adopt(key: str, labels: Labels, options: Callable[[], Labels]) -> None:
    """Understand a code in the address, and a word in the language of whoever sent the link."""
    given = st.query_params.get(key)
    if given is None or key in st.session_state or given in labels.values():
        return
    if given in labels:
        st.session_state[key] = given
        return
    for other in (code for code in LANGUAGES if code != current_language()):
        with language(other):
            words = {word: code for code, word in options().items()}
        if given in words:
            st.session_state[key] = words[given]


def _show_first_page(keys: Keys) -> None:
    st.session_state[keys.of("page")] = 1
    st.rerun(keys.rows)


def page_number(keys: Keys) -> int:
    """The page of the list that is asked for, from 1."""
    key = keys.of("page")
    return int(st.session_state.get(key) or number_in_address(key) or 1)


def _statuses() -> Labels:
    return {"": _("All statuses")} | {status.value: status_word(status) for status in Status}


def _environments() -> Labels:
    return {"": _("All environments")} | {code: environment_name(code) for code in ENVIRONMENTS}


def _owners(app: Application) -> Labels:
    named = {str(number): name for number, name in active_operators(app)}
    return {"": _("All owners"), str(WITHOUT_OWNER): _("Without owner")} | named


def _settings() -> Labels:
    return {"": _("Active or not"), "yes": _("Active"), "no": _("Not active")}


def sort_labels(order: Sequence[str], words: Labels) -> Labels:
    """The sorts that a list offers, as "Sort by ..."."""
    return {code: _("Sort by {column}").format(column=words[code]) for code in order if code in words}
