"""The fields of "Register at Exact Online", for the register page and for "Edit details"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import streamlit as st

from core.application import Application
from core.exact.environments import ENVIRONMENTS, available, environment_name
from core.i18n import _
from core.registrations.views import RegistrationForm
from dashboard.markdown import error_text
from dashboard.people_choices import NOBODY, owners

FIELDS = tuple(field.name for field in fields(RegistrationForm))
LIVE = "600ms"
"""How long after the last key a text field is sent: often enough to lose nothing, seldom enough to be calm."""


def fill(place: str, form: RegistrationForm, *, overwrite: bool = False) -> None:
    """Put a form into the fields named ``place``_...; what is being typed stays unless ``overwrite``."""
    for field in FIELDS:
        key = f"{place}_{field}"
        if overwrite or key not in st.session_state:
            st.session_state[key] = _to_widget(field, getattr(form, field))
    if overwrite:
        st.session_state.pop(_owners_key(place), None)


def read(place: str) -> RegistrationForm:
    """What the fields hold now."""
    values = {field: st.session_state.get(f"{place}_{field}") for field in FIELDS}
    return RegistrationForm(
        name=values["name"] or "",
        environment=values["environment"] or "",
        active=bool(values["active"]),
        reference=values["reference"] or "",
        owner_id=values["owner_id"] or None,
        note=values["note"] or "",
    )


def _to_widget(field: str, value: str | int | bool | None) -> str | int | bool | None:
    if field == "environment":
        return value or None
    return value or NOBODY if field == "owner_id" else value


class ErrorPlaces:
    """A place under each field, filled once it is known what is wrong."""

    def __init__(self) -> None:
        self._places: dict[str, st.delta_generator.DeltaGenerator] = {}
        self._ways_out: dict[str, st.delta_generator.DeltaGenerator] = {}

    def reserve(self, field: str) -> None:
        """Keep a place here for ``field``."""
        self._places[field] = st.empty()
        self._ways_out[field] = st.empty()

    def way_out(self, field: str) -> st.delta_generator.DeltaGenerator:
        """The place under what is wrong with ``field``, for what can be done about it."""
        return self._ways_out[field].container(horizontal=True, vertical_alignment="center")

    def show(self, errors: Mapping[str, str]) -> None:
        """Write each sentence under its field; one about no field goes to the last place."""
        for field, sentence in errors.items():
            place = self._places.get(field) or list(self._places.values())[-1]
            place.markdown(error_text(sentence))


def draw(
    app: Application,
    place: str,
    in_force: RegistrationForm,
    *,
    connection: bool = True,
    environment: bool = True,
) -> ErrorPlaces:
    """Draw the fields, in the order of the manual.

    No field has a limit of its own: of a pasted text that is too long Streamlit would drop all, without a word.
    What is ``in_force`` stays among the choices, whether it is still offered or not.
    ``connection`` says whether name and connection setting may be changed, ``environment`` whether the
    country may.
    """
    errors = ErrorPlaces()
    codes = _environments(app, in_force.environment)
    _draw_connection(app, place, errors, codes, may_change=(connection, environment))
    _draw_administration(app, place, errors, in_force.owner_id)
    return errors


def _draw_connection(
    app: Application, place: str, errors: ErrorPlaces, codes: list[str], *, may_change: tuple[bool, bool]
) -> None:
    connection, environment = may_change
    st.text_input(
        _("Name"),
        key=f"{place}_name",
        placeholder=_("For example Test B.V."),
        disabled=not connection,
        live=LIVE,
        autocomplete="off",
    )
    errors.reserve("name")
    st.selectbox(
        _("Exact Online environment"),
        codes,
        index=None,
        format_func=lambda code: _environment_label(app, code),
        key=f"{place}_environment",
        placeholder=_("Choose the country of the bookkeeping"),
        disabled=not (connection and environment),
    )
    errors.reserve("environment")
    heading = _("Connection setting")
    st.markdown(f":small[{heading}]")
    st.toggle(
        _("Active"),
        key=f"{place}_active",
        disabled=not connection,
    )
    st.caption(_("Off means paused: nothing is read from Exact Online, the consent is only kept alive."))
    errors.reserve("active")


def _draw_administration(
    app: Application, place: str, errors: ErrorPlaces, owner_in_force: int | None
) -> None:
    named = _owners(app, place, owner_in_force)
    left, right = st.columns(2)
    with left:
        st.text_input(
            _("Customer reference"),
            key=f"{place}_reference",
            placeholder=_("For example a customer number"),
            live=LIVE,
            autocomplete="off",
        )
        errors.reserve("reference")
    with right:
        st.selectbox(
            _("Owner (account manager)"),
            list(named),
            format_func=named.__getitem__,
            key=f"{place}_owner_id",
        )
        errors.reserve("owner_id")
    st.text_area(_("Note"), key=f"{place}_note", height=90)
    errors.reserve("note")


def _owners(app: Application, place: str, in_force: int | None) -> dict[int, str]:
    """The labels as they were when the form was opened: whoever is renamed meanwhile stays who was chosen."""
    kept = st.session_state.setdefault(_owners_key(place), owners(app, _("Nobody yet"), in_force))
    return dict(kept)


def _owners_key(place: str) -> str:
    return f"{place}_owners"


def _environments(app: Application, in_force: str) -> list[str]:
    """Those that can be used first, each group in the order of the table."""
    known = dict.fromkeys([*ENVIRONMENTS, *filter(None, [in_force])])
    return sorted(known, key=lambda code: bool(available(app.settings, code)))


def _environment_label(app: Application, code: str) -> str:
    """Short: a phone cuts a longer line off. Why it is not available stands under the field once it is chosen."""
    name = environment_name(code)
    return _("{country} (not available)").format(country=name) if available(app.settings, code) else name
