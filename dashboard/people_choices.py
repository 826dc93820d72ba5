"""People to choose from: Streamlit knows a choice by its label alone, so no two labels are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import streamlit as st

from core.accounts.operators import Person, people
from core.application import Application
from core.i18n import _
from core.registrations.names import name_key
from dashboard.address import NO_SUCH_OWNER

NOBODY = 0
"""Stands for no owner: a list of choices cannot hold None."""


def owners(app: Application, nobody: str, in_force: int | None = None) -> dict[int, str]:
    """Nobody, whoever may own a registration, and the owner ``in_force``, who is marked when disabled."""
    offered = [one for one in people(app) if one.active or one.id == in_force]
    return {NOBODY: nobody} | told_apart(offered, [nobody])


def told_apart(persons: Iterable[Person], taken: Iterable[str] = ()) -> dict[int, str]:
    """A label for each, different from all others and from those ``taken``: the name, with the e-mail where needed."""
    listed = list(persons)
    named = Counter(name_key(one.name) for one in listed) + Counter(name_key(label) for label in taken)
    labels: dict[int, str] = {}
    for one in listed:
        label = one.name if named[name_key(one.name)] == 1 else f"{one.name} ({one.email})"
        if not one.active:
            label = _("{name} (disabled)").format(name=label)
        # Somebody may be called what another's label says.
        labels[one.id] = f"{label} ({one.id})" if label in {*labels.values(), *taken} else label
    return labels


def with_unknown(labels: Mapping[str, str], code: object) -> dict[str, str]:
    """``labels``, and what is asked for although it is not offered any more: it stays in force, marked."""
    if not isinstance(code, str) or code in labels:
        return dict(labels)
    label = _("Unknown owner") if code == str(NO_SUCH_OWNER) else _("{choice} (gone)").format(choice=code)
    return {**labels, code: label}


def with_asked(key: str, labels: Mapping[str, str]) -> dict[str, str]:
    """``labels`` and what the address or the box ``key`` asks for although it is not offered any more.

    It narrows a list as it did: an address that somebody kept must not show everything of a sudden.
    """
    asked = st.session_state.get(key, st.query_params.get(key))
    if asked in labels.values():
        return dict(labels)
    more = with_unknown(labels, asked)
    if len(more) > len(labels) and key not in st.session_state:
        st.session_state[key] = asked
    return more
