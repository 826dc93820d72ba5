"""A filter that is touched before its rows have been drawn."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    from dashboard.filters import Keys, _show_first_page, page_number

    keys = Keys("registrations", "")
    _show_first_page(keys)  # a filter changed, and there is no fragment of rows yet
    import streamlit as st

    st.markdown(f"page {page_number(keys)}")


def test_it_is_no_failure() -> None:
    test = AppTest.from_function(_page).run(timeout=20)
    assert not test.exception
    assert test.markdown[0].value == "page 1"
