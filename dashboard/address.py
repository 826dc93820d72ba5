"""What the address of a page names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

from core.registrations.query import ListQuery

Query = TypeVar("Query", bound=ListQuery)
_DIGITS = 15
_LONGEST_SEARCH = 100


def query_of(make: Callable[..., Query], asked: Mapping[str, str]) -> Query:
    """The filter as a list's page writes it into the address; what is odd matches nothing or is left out."""
    owner = asked.get("owner", "")
    return make(
        search=asked.get("q", "")[:_LONGEST_SEARCH],
        status=asked.get("status", ""),
        environment=asked.get("environment", ""),
        owner_id=int(owner) if owner.isascii() and owner.isdigit() and len(owner) < _DIGITS else None,
        active={"yes": True, "no": False}.get(asked.get("active", "")),
    )


def number_in_address(name: str = "id") -> int | None:
    """The number in ``?id=...``; None when there is none, or something else stands there."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
