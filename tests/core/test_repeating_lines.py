"""What a stranger can cause as often as he likes is written down once a minute."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from core import logs

DASHBOARD = logging.getLogger("clickker.dashboard")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]


def say(logger: logging.Logger, at: float, message: str, *given: object, **more: object) -> None:
    record = logger.makeRecord(logger.name, logging.WARNING, "", 0, message, given, None, extra=more or None)
    record.created = at
    logger.handle(record)


def test_what_repeats_is_one_line_a_minute_whatever_it_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json")
    for number in range(1_000):
        say(DASHBOARD, 100.0 + number / 100, "Refused a WebSocket from origin %r", f"http://evil{number}")
    say(DASHBOARD, 161.0, "Refused a WebSocket from origin %r", "http://evil")
    first, last = lines(capsys)
    assert first == "Refused a WebSocket from origin 'http://evil0'"
    assert last.endswith("(and 999 more like it since the last such line)")


@pytest.mark.parametrize("name", ["uvicorn.error", "streamlit.runtime", "asyncio", "websockets.server"])
def test_the_libraries_that_strangers_speak_to_repeat_themselves_no_more(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("json")
    for number in range(50):
        say(logging.getLogger(name), 100.0 + number, "Invalid HTTP request received.")
    assert len(lines(capsys)) == 1


def test_each_failure_that_somebody_was_told_the_reference_of_is_there_up_to_a_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("json")
    for number in range(500):
        say(DASHBOARD, 100.0, "Request failed, reference %s", number, reference=str(number))
    told = lines(capsys)
    assert told[:3] == [f"Request failed, reference {number}" for number in range(3)]
    assert len(told) == logs.STORIES_A_MINUTE + 1


def test_what_we_do_ourselves_is_told_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json")
    for _number in range(5):
        say(logging.getLogger("core.tokens.lineage"), 100.0, "Grant %s moved on", "x")
    assert len(lines(capsys)) == 5


def test_another_kind_of_error_is_another_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json")
    for error in (ValueError("a"), OSError("b"), ValueError("c")):
        try:
            raise error
        except (ValueError, OSError):
            logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=sys.exc_info())
    assert len(lines(capsys)) == 2
