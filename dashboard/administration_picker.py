"""The searchable list of administrations, with "Select all"."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.i18n import _
from core.registrations.names import NameMatch, compare_names, name_key
from core.registrations.views import AdministrationView, RegistrationView
from dashboard import signin
from dashboard.markdown import plain

ON_A_PAGE = 50


def draw_picker(view: RegistrationView, place: str) -> frozenset[int]:
    """Draw the list and return the codes that are ticked; ticking one draws only the list again."""
    state = f"{place}_{view.id}_chosen"
    if state not in st.session_state:
        st.session_state[state] = _at_first(view)
    _draw_list(view.administrations, place, state)
    return frozenset(st.session_state[state])


def forget_choice(view: RegistrationView, place: str) -> None:
    """Start the list again from what is linked, after saving or after a new reading."""
    st.session_state.pop(f"{place}_{view.id}_chosen", None)


@st.fragment
def _draw_list(administrations: Sequence[AdministrationView], place: str, state: str) -> None:
    signin.current(active=True)
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
    _draw_select_all(found, place, state)
    rows = st.container(gap="xsmall")
    for administration in _one_page(found, place):
        with rows:
            _draw_row(administration, place, state)
    st.caption(
        _("{chosen} of {all} chosen").format(chosen=len(st.session_state[state]), all=len(administrations))
    )


def _draw_select_all(found: Sequence[AdministrationView], place: str, state: str) -> None:
    codes = {a.code for a in found if a.available}
    if not codes:
        return
    key = f"{place}_all"
    _show(key, codes <= st.session_state[state])
    st.checkbox(_("Select all"), key=key, on_change=_tick, args=(key, state, frozenset(codes)))


def _one_page(found: Sequence[AdministrationView], place: str) -> Sequence[AdministrationView]:
    pages = -(-len(found) // ON_A_PAGE)
    if pages <= 1:
        return found
    number = min(st.pagination(pages, key=f"{place}_page"), pages)
    return found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]


def _draw_row(administration: AdministrationView, place: str, state: str) -> None:
    key = f"{place}_{administration.code}"
    _show(key, administration.code in st.session_state[state])
    st.checkbox(
        _label(administration),
        key=key,
        disabled=not (administration.available or administration.linked),
        on_change=_tick,
        args=(key, state, frozenset({administration.code})),
    )


def _show(key: str, ticked: bool) -> None:
    # Only where it differs: a box that is being clicked right now would jump back.
    if st.session_state.get(key) != ticked:
        st.session_state[key] = ticked


def _tick(key: str, state: str, codes: frozenset[int]) -> None:
    chosen = st.session_state[state]
    st.session_state[state] = chosen | codes if st.session_state[key] else chosen - codes


def _at_first(view: RegistrationView) -> frozenset[int]:
    """What is linked; at the very first choice, what bears the registration's name, or the only one there is."""
    linked = frozenset(a.code for a in view.linked)
    if linked:
        return linked
    available = [a for a in view.administrations if a.available]
    same = frozenset(a.code for a in available if compare_names(view.name, a.name) is NameMatch.SAME)
    return same or (frozenset({available[0].code}) if len(available) == 1 else frozenset())


def _matches(administration: AdministrationView, sought: str) -> bool:
    words = (
        administration.name,
        administration.customer_name,
        str(administration.code),
        administration.vat_number,
    )
    return name_key(sought) in name_key(" ".join(words))


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
        remarks.append(("orange", _("Already linked to {name}").format(name=plain(name))))
    return " ".join(f":{color}-badge[{text}]" for color, text in remarks)
