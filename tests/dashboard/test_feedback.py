"""What a page says back."""

from __future__ import annotations

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.testing.v1 import AppTest

from dashboard import feedback


def _refused() -> None:
    from core.errors import Conflict
    from dashboard.feedback import attempt

    with attempt():
        raise Conflict(":red[Jan] is already linked to [a](https://evil.example).")


def test_a_name_in_an_error_is_no_markup() -> None:
    page = AppTest.from_function(_refused, default_timeout=20).run()

    assert r"\:red\[Jan\]" in page.error[0].value
    assert r"\[a\]\(https" in page.error[0].value


def test_a_page_that_is_on_its_way_to_another_run_is_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(*_texts: object, **_more: object) -> None:
        raise StopException

    monkeypatch.setattr("streamlit.error", stop)
    assert feedback.report(RuntimeError("unforeseen"))
    assert "reference" in caplog.text
