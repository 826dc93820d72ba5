"""What a page says back."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _refused() -> None:
    from core.errors import Conflict
    from dashboard.feedback import attempt

    with attempt():
        raise Conflict(":red[Jan] is already linked to [a](https://evil.example).")


def test_a_name_in_an_error_is_no_markup() -> None:
    page = AppTest.from_function(_refused, default_timeout=20).run()

    assert r"\:red\[Jan\]" in page.error[0].value
    assert r"\[a\]\(https" in page.error[0].value
