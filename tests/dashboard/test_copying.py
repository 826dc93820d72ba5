"""A button that copies: its script is a constant which the policy names; the text beside it is data."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.settings import Settings
from dashboard.copying import COPY_SCRIPT
from dashboard.frame_page import frame_page
from dashboard.headers import frame_policy, script_hash


def drawn(text: str) -> str:
    def page(text: str) -> None:
        from dashboard.copying import draw_copy

        draw_copy(text, "Copy link", "Link", lines=2, first=True)

    (part,) = AppTest.from_function(page, args=(text,)).run().get("html")
    return str(part.proto.body)


def test_a_text_cannot_become_markup() -> None:
    body = drawn("</textarea><img src=x onerror=alert(1)>")
    assert "<img" not in body
    assert body.count("<script>") == 1


def test_its_script_is_named_in_the_policy() -> None:
    assert f"<script>{COPY_SCRIPT}</script>" in drawn("https://connections.example.nl/customer/a?b=c&d=e")
    assert script_hash(COPY_SCRIPT) in frame_policy(Settings(), frame_page())


def test_a_first_line_that_is_empty_stays() -> None:
    assert ">\n\nsecond line</textarea>" in drawn("\nsecond line")
