"""The script that leaves for another page is a constant; the address is data, and always our own."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.going import GO_SCRIPT


def going(path: str) -> str:
    def page(path: str) -> None:
        from dashboard.going import go_to

        go_to(path)

    (part,) = AppTest.from_function(page, args=(path,)).run().get("html")
    return str(part.proto.body)


def test_it_leaves_for_the_path() -> None:
    body = going("/session/start?ticket=a&x=b")
    assert f"<script>{GO_SCRIPT}</script>" in body
    assert 'data-to="/session/start?ticket=a&amp;x=b"' in body


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "javascript:alert(1)"])
def test_it_leaves_for_nowhere_else(path: str) -> None:
    assert 'data-to="/"' in going(path)


def test_an_address_cannot_become_markup() -> None:
    assert "<img" not in going('/"><img src=x onerror=alert(1)>')
