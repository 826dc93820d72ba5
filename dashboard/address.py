"""What the address of a page names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

from core.registrations.query import ListQuery

Query = TypeVar("Query", bound=ListQuery)
_DIGITS = 15
_LONGEST_SEARCH = 1_000
NO_SUCH_OWNER = 10 ** (_DIGITS - 1) - 1
"""Stands for somebody named in an address whom nobody knows: a number that no operator has."""


def query_of(make: Callable[..., Query], asked: Mapping[str, str]) -> Query:
    """The filter as a list's page writes it into the address; what is odd matches nothing or is left out."""
    return make(
        search=asked.get("q", "")[:_LONGEST_SEARCH],
        status=asked.get("status", ""),
        environment=asked.get("environment", ""),
        owner_id=owner_number(asked.get("owner")),
        active={"yes": True, "no": False}.get(asked.get("active", "")),
    )


def owner_number(said: object) -> int | None:
    """The owner that an address or a box names; None for anything else, which never stood in that box."""
    text = said if isinstance(said, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else None


def number_in_address(name: str = "id") -> int | None:
    """The number in ``?id=...``; None when there is none, or something else stands there."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
