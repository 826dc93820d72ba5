"""The searchable list of administrations, with "Select all"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application, application
from core.i18n import _
from core.registrations.fitting import ticked_at_first
from core.registrations.unsaved import keep_ticks, kept_ticks
from core.registrations.views import AdministrationView, RegistrationView
from core.text import fold, squeezed
from dashboard import signin
from dashboard.markdown import plain

ON_A_PAGE = 50

_rounds = count()


@dataclass(frozen=True)
class _Choice:
    """What is ticked, by code. A round begins when boxes change by another hand than a click on each.

    Its boxes are new widgets that start from ``at_first``. The same boxes set anew would be set back by a click that
    was on its way: every message of the browser carries what all its boxes showed when it was sent.
    """

    round: int
    at_first: frozenset[int]
    ticked: frozenset[int]
    kept: frozenset[int]
    """What the server keeps as ticked, or would begin with."""


def _new_round(ticked: frozenset[int], kept: frozenset[int] | None = None) -> _Choice:
    return _Choice(next(_rounds), ticked, ticked, ticked if kept is None else kept)


def draw_picker(app: Application, by: CurrentOperator, view: RegistrationView, place: str) -> frozenset[int]:
    """Draw the list and return the codes that are ticked; ticking one draws only the list again.

    Ticks that were not saved are here again, whatever happened to the page, the session or the server.
    """
    state = f"{place}_{view.id}_chosen"
    if state not in st.session_state:
        kept = kept_ticks(app, by, view)
        st.session_state[state] = _new_round(ticked_at_first(view) if kept is None else kept)
    _draw_list(view, place, state)
    return _choice(state).ticked


def forget_choice(view: RegistrationView, place: str) -> None:
    """Start the list again from what is linked or kept, after saving or after a new reading."""
    st.session_state.pop(f"{place}_{view.id}_chosen", None)


@st.fragment
def _draw_list(view: RegistrationView, place: str, state: str) -> None:
    by = signin.current(active=True)
    administrations = view.administrations
    _keep(by, view, state)
    sought = st.text_input(
        _("Search administrations"),
        key=f"{place}_search",
        type="search",
        live=True,
        placeholder=_("Part of a name, a code or a VAT number"),
        label_visibility="collapsed",
    )
    found = [a for a in administrations if _matches(a, sought or "")]
    if not found:
        st.caption(_("No administration matches this search."))
    _draw_select_all(found, state)
    rows = st.container(gap="xsmall")
    for administration in _one_page(found, place):
        with rows:
            _draw_row(administration, state)
    ticked = len(_choice(state).ticked)
    st.caption(_("{chosen} of {all} chosen").format(chosen=ticked, all=len(administrations)))


def _draw_select_all(found: Sequence[AdministrationView], state: str) -> None:
    codes = frozenset(a.code for a in found if a.available)
    if not codes:
        return
    choice = _choice(state)
    everything = codes <= choice.ticked
    key = f"{state}_{choice.round}_all_{everything}"
    st.checkbox(_("Select all"), value=everything, key=key, on_change=_tick_all, args=(key, state, codes))


def _one_page(found: Sequence[AdministrationView], place: str) -> Sequence[AdministrationView]:
    pages = -(-len(found) // ON_A_PAGE)
    if pages <= 1:
        return found
    number = min(st.pagination(pages, key=f"{place}_page"), pages)
    return found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]


def _draw_row(administration: AdministrationView, state: str) -> None:
    choice = _choice(state)
    key = f"{state}_{choice.round}_{administration.code}"
    st.checkbox(
        _label(administration),
        value=administration.code in choice.at_first,
        key=key,
        disabled=not (administration.available or administration.linked),
        on_change=_tick,
        args=(key, state, administration.code),
    )


def _choice(state: str) -> _Choice:
    choice: _Choice = st.session_state[state]
    return choice


def _tick(key: str, state: str, code: int) -> None:
    choice = _choice(state)
    ticked = choice.ticked | {code} if st.session_state[key] else choice.ticked - {code}
    st.session_state[state] = replace(choice, ticked=ticked)


def _tick_all(key: str, state: str, codes: frozenset[int]) -> None:
    choice = _choice(state)
    ticked = choice.ticked | codes if st.session_state[key] else choice.ticked - codes
    st.session_state[state] = _new_round(ticked, choice.kept)


def _keep(by: CurrentOperator, view: RegistrationView, state: str) -> None:
    """Keep the ticks on the server when they have changed."""
    choice = _choice(state)
    if choice.ticked != choice.kept:
        keep_ticks(application(), by, view, choice.ticked)
        st.session_state[state] = replace(choice, kept=choice.ticked)


def _matches(administration: AdministrationView, sought: str) -> bool:
    names = (administration.name, administration.customer_name)
    numbers = (str(administration.code), administration.vat_number)
    number = squeezed(sought)
    return fold(sought) in fold(" ".join((*names, *numbers))) or (
        bool(number) and any(number in squeezed(each) for each in numbers)
    )


def _label(administration: AdministrationView) -> str:
    facts = (
        str(administration.code),
        administration.customer_name if administration.customer_name != administration.name else "",
        administration.country,
        administration.currency,
        administration.vat_number,
    )
    quiet = " · ".join(plain(fact) for fact in facts if fact)
    return f"**{plain(administration.name)}** :gray[{quiet}] {_remarks(administration)}"


def _remarks(administration: AdministrationView) -> str:
    """What stands in the way of this administration, or is good to know about it."""
    remarks = []
    if administration.archived:
        remarks.append(("gray", _("Archived at Exact")))
    if administration.inactive:
        remarks.append(("gray", _("Inactive at Exact")))
    if administration.blocked:
        remarks.append(("orange", _("Blocked at Exact for now")))
    if not administration.permitted:
        remarks.append(("red", _("No longer permitted at Exact")))
    if administration.taken_by is not None:
        _number, name = administration.taken_by
        remarks.append(
            ("orange", _("Already linked to {name}").format(name=plain(name or _("another registration"))))
        )
    return " ".join(f":{color}-badge[{text}]" for color, text in remarks)
