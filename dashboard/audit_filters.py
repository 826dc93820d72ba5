"""Search and filters above the audit log, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.audit.event_words import ACTORS, EVENTS, OUTCOMES
from core.audit.events import Event
from core.audit.listing import AuditQuery, people
from core.i18n import N_, _
from core.registrations.names import name_key
from core.storage.search import SHORTEST_PART
from dashboard.filters import Keys, page_number
from dashboard.moments import DAY_FORMAT
from dashboard.people_choices import told_apart, with_asked

KEYS = Keys("audit", "audit_")
_TITLES = {"who": N_("Who"), "event": N_("What"), "outcome": N_("Outcome")}
_DATES = {"first": N_("From"), "last": N_("Up to and including")}
_LONGEST_SEARCH = 1_000
_SHORT = 40


def draw_audit_filters(app: Application, by: CurrentOperator) -> AuditQuery:
    """Draw the row above the list, and tell what it asks for."""
    choices = {"who": _people(app, by), "event": _events(), "outcome": _outcomes()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        search = st.text_input(
            _("Search"),
            key=KEYS.of("q"),
            bind="query-params",
            type="search",
            placeholder=_("Part of the subject"),
            width=220,
            on_change=_show_first_page,
        )
        who, event, outcome = (_choose(name, labels) for name, labels in choices.items())
        first, last = (_day(name) for name in _DATES)
    if search and len(name_key(search)) < SHORTEST_PART:
        st.caption(_("Type at least three characters to search."))
    return AuditQuery(search or "", who, event, outcome, first, last, page_number(KEYS))


def query_in(asked: Mapping[str, str]) -> AuditQuery:
    """The same from the address of an export; what is odd matches nothing or is left out."""
    return AuditQuery(
        search=asked.get("q", "")[:_LONGEST_SEARCH],
        who=asked.get("who", "")[:_SHORT],
        event=asked.get("event", "")[:_SHORT],
        outcome=asked.get("outcome", "")[:_SHORT],
        first=_date(asked.get("first", "")),
        last=_date(asked.get("last", "")),
    )


def as_address(query: AuditQuery) -> str:
    """The filter as ``query_in`` reads it."""
    given = {
        "q": query.search,
        "who": query.who,
        "event": query.event,
        "outcome": query.outcome,
        "first": query.first.isoformat() if query.first else "",
        "last": query.last.isoformat() if query.last else "",
    }
    return urlencode({name: value for name, value in given.items() if value})


def is_filtered(query: AuditQuery) -> bool:
    """Whether anything narrows the list."""
    return bool(as_address(query))


def clear() -> None:
    """Callback of "Clear filters"."""
    for name in ("q", *_TITLES):
        st.session_state[KEYS.of(name)] = ""
    for name in _DATES:
        st.session_state[KEYS.of(name)] = None
    _show_first_page()


def _show_first_page() -> None:
    st.session_state[KEYS.of("page")] = 1


def _choose(name: str, labels: Mapping[str, str]) -> str:
    key = KEYS.of(name)
    labels = with_asked(key, labels)
    chosen = st.selectbox(
        _(_TITLES[name]),
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        bind="query-params",
        width=190,
        on_change=_show_first_page,
    )
    return chosen or ""


def _day(name: str) -> date | None:
    chosen = st.date_input(
        _(_DATES[name]),
        value=None,
        key=KEYS.of(name),
        bind="query-params",
        format=DAY_FORMAT,
        width=140,
        on_change=_show_first_page,
    )
    return chosen if isinstance(chosen, date) else None


def _people(app: Application, by: CurrentOperator) -> dict[str, str]:
    fixed = {"": _("Everybody")} | {code: _(word) for code, word in ACTORS.items()}
    named = told_apart(people(app, by), fixed.values())
    return fixed | {str(number): label for number, label in named.items()}


def _events() -> dict[str, str]:
    words = {event.value: _(EVENTS[event.value]) for event in Event if event.value in EVENTS}
    return {"": _("Everything")} | dict(sorted(words.items(), key=lambda pair: pair[1]))


def _outcomes() -> dict[str, str]:
    return {"": _("Every outcome")} | {code: _(word) for code, word in OUTCOMES.items()}


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
