"""A button that copies: its script stands in the page's head; the text beside it is data."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.copying import SCRIPT
from dashboard.frame_page import frame_page


def drawn(text: str) -> str:
    def page(text: str) -> None:
        from dashboard.copying import draw_copy

        draw_copy(text, "Copy link", "Link", lines=2, first=True)

    (part,) = AppTest.from_function(page, args=(text,)).run().get("html")
    return str(part.proto.body)


def test_a_text_cannot_become_markup() -> None:
    body = drawn("</textarea><img src=x onerror=alert(1)>")
    assert "<img" not in body
    assert "<script" not in body


def test_its_script_stands_in_the_head_once_and_in_no_text() -> None:
    assert "<script" not in drawn("https://connections.example.nl/customer/a?b=c&d=e")
    assert frame_page().count(SCRIPT) == 1


def test_a_first_line_that_is_empty_stays() -> None:
    assert ">\n\nsecond line</textarea>" in drawn("\nsecond line")
