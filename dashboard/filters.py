"""Search, filters and order above a list: kept in the address, so that a link shows the same to everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote_plus, urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.accounts.operators import people
from core.application import Application
from core.exact.environments import ENVIRONMENTS, environment_name
from core.i18n import LANGUAGES, N_, _, current_language, language
from core.registrations.query import WITHOUT_OWNER, ListQuery
from core.registrations.status import Status
from core.registrations.wording import status_word
from dashboard import rows_alone
from dashboard.address import NO_SUCH_OWNER, number_in_address, owner_number
from dashboard.navigation import switch_to
from dashboard.people_choices import told_apart, with_asked

Query = TypeVar("Query", bound=ListQuery)
Labels = Mapping[str, str]
"""What may be chosen: a code that stays the same in every language, and its word in the reader's."""
Words = Mapping[str, Labels]
"""Labels by the name of what may be chosen."""
_LABELS = {
    "status": N_("Status"),
    "environment": N_("Environment"),
    "owner": N_("Owner"),
    "active": N_("Connection setting"),
    "sort": N_("Sort by"),
}
_ACTIVE = {None: "", True: "yes", False: "no"}
_FIRST_SORT = "name"
FILTERS = ("q", "status", "environment", "owner", "active")


@dataclass(frozen=True)
class Keys:
    """The names in the address; each list has its own, for an address's names are shared by all pages."""

    page: str
    prefix: str

    def of(self, name: str) -> str:
        return self.prefix + name

    @property
    def rows(self) -> str:
        """The key of the fragment that draws the rows."""
        return self.of("rows")


def draw_filters(app: Application, keys: Keys, sorts: Labels, placeholder: str) -> Words:
    """Draw the row above a list. A change runs the fragment ``keys.rows`` alone, which calls ``asked``.

    The rest of the page stays as it is: that halves what a click costs the server. Returns what can be chosen.
    """
    choices: dict[str, Callable[[], Labels]] = {
        "status": _statuses,
        "environment": _environments,
        "owner": lambda: _owners(app),
        "active": _settings,
        "sort": lambda: sorts,
    }
    words = {name: options() for name, options in choices.items()}
    rows_alone.belong(map(keys.of, ("q", "desc", "page", *words)), keys.rows)
    _translate_address(keys, words, choices)
    _know_owner(keys.of("owner"), words["owner"])
    narrowing = ("status", "environment", "owner")
    words |= {name: with_asked(keys.of(name), words[name]) for name in narrowing}
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.text_input(
            _("Search"),
            key=keys.of("q"),
            bind="query-params",
            type="search",
            live="150ms",
            placeholder=placeholder,
            label_visibility="collapsed",
            width=260,
            on_change=_show_first_page,
            args=(keys,),
        )
        for name, labels in words.items():
            _choose(keys, name, labels)
        st.toggle(
            _("Descending"),
            key=keys.of("desc"),
            bind="query-params",
            on_change=_show_first_page,
            args=(keys,),
        )
    return words


def asked(keys: Keys, make: Callable[..., Query]) -> Query:
    """What the row above the list asks for at this moment."""
    chosen = {name: st.session_state.get(keys.of(name)) for name in (*FILTERS, "sort", "desc")}
    return make(
        search=chosen["q"] or "",
        status=chosen["status"] or "",
        environment=chosen["environment"] or "",
        owner_id=owner_number(chosen["owner"]),
        active=chosen["active"] == "yes" if chosen["active"] else None,
        sort=chosen["sort"] or _FIRST_SORT,
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
    return query.narrows


def as_address(query: ListQuery) -> str:
    """The filter as the query of an address, in codes."""
    given: dict[str, str] = {
        "q": query.search,
        "status": query.status,
        "environment": query.environment,
        "owner": "" if query.owner_id is None else str(query.owner_id),
        "active": _ACTIVE[query.active],
    }
    return urlencode({name: value for name, value in given.items() if value})


def sort_addresses(keys: Keys, words: Words, query: ListQuery) -> dict[str, str]:
    """For each sort the query of the address that sorts by it; the other way round where it is how it is sorted now.

    In the words that the row above the list writes into the address: what else stands there, it wipes out.
    """
    chosen = {
        "status": query.status,
        "environment": query.environment,
        "owner": "" if query.owner_id is None else str(query.owner_id),
        "active": _ACTIVE[query.active],
    }
    said = {name: words[name].get(code, "") for name, code in chosen.items() if code}
    given = {"q": query.search, **said}
    kept = urlencode({keys.of(name): value for name, value in given.items() if value})
    turned = "" if query.descending else f"&{keys.of('desc')}=true"
    return {
        sort: f"{kept}&{keys.of('sort')}={quote_plus(word)}{turned if sort == query.sort else ''}"
        for sort, word in words["sort"].items()
    }


def _choose(keys: Keys, name: str, labels: Labels) -> None:
    st.selectbox(
        _(_LABELS[name]),
        list(labels),
        format_func=lambda code: labels.get(code, code),
        key=keys.of(name),
        bind="query-params",
        label_visibility="collapsed",
        width=165,
        on_change=_show_first_page,
        args=(keys,),
    )


def _translate_address(keys: Keys, words: Words, choices: Mapping[str, Callable[[], Labels]]) -> None:
    """Understand a code in the address, and a word in the language of whoever sent the link.

    Streamlit knows the reader's words alone and wipes out others: so the page begins anew with those.
    """
    said: dict[str, str] = {}
    for name, labels in words.items():
        key = keys.of(name)
        given = st.query_params.get(key)
        if given is None or key in st.session_state or given in labels.values():
            continue
        code = given if given in labels else _other_words(choices[name]).get(given)
        if code:
            said[key] = labels[code]
    if said:
        switch_to(keys.page, **(st.query_params.to_dict() | said))


def _know_owner(key: str, labels: Labels) -> None:
    """Of a name that nobody bears any more make a number that nobody has: the list stays as narrow as it was."""
    asked = st.session_state.get(key, st.query_params.get(key))
    if asked and asked not in labels.values() and owner_number(asked) is None:
        st.session_state[key] = str(NO_SUCH_OWNER)


def _other_words(options: Callable[[], Labels]) -> dict[str, str]:
    """Word to code in the languages that are not the reader's."""
    found: dict[str, str] = {}
    for other in (code for code in LANGUAGES if code != current_language()):
        with language(other):
            found |= {word: code for code, word in options().items()}
    return found


def _show_first_page(keys: Keys) -> None:
    st.session_state[keys.of("page")] = 1
    if rows_alone.running():
        return
    with suppress(
        StreamlitAPIException
    ):  # no rows yet: the first run was cut short, and this one draws them all
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
    fixed = {"": _("All owners"), str(WITHOUT_OWNER): _("Without owner")}
    named = told_apart(people(app), fixed.values())
    return fixed | {str(number): label for number, label in named.items()}


def _settings() -> Labels:
    return {"": _("Active or not"), "yes": _("Active"), "no": _("Not active")}


def sort_labels(order: Sequence[str], words: Labels) -> Labels:
    """The sorts that a list offers, as "Sort by ..."."""
    return {code: _("Sort by {column}").format(column=words[code]) for code in order if code in words}
