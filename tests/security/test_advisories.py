"""Check 32: what could not be asked about known holes is never taken for an answer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.security import advisories

OUT_OF_REACH = "ERROR: could not connect to the advisory service"


def answered(code: int, told: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, told, "")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (answered(0, "No known vulnerabilities found"), 0, "No known"),
        (answered(1, "Found 2 known vulnerabilities in 1 package"), 1, "Found 2"),
        (answered(1, OUT_OF_REACH), 2, "Not checked"),
        (answered(2, ""), 2, "Not checked"),
    ],
)
def test_check_32_only_an_answer_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, answer: subprocess.CompletedProcess[str], code: int, said: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_name, **_path: "pip-audit")
    monkeypatch.setattr("subprocess.run", lambda *_command, **_more: answer)
    found, told = advisories.audit()
    assert found == code
    assert said in told


def test_check_32_nobody_to_ask_and_nobody_who_answers_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_command: object, **_more: object) -> None:
        raise subprocess.TimeoutExpired("pip-audit", 1)

    monkeypatch.setattr("subprocess.run", late)
    for found in (None, "pip-audit"):
        monkeypatch.setattr("shutil.which", lambda *_name, found=found, **_path: found)
        code, told = advisories.audit()
        assert code == advisories.NOT_DONE
        assert told.startswith("Not checked")


def test_check_32_make_security_goes_on_without_an_answer_and_not_with_a_hole() -> None:
    recipe = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    (line,) = [each for each in recipe.splitlines() if "advisories ||" in each]
    command = line.split("#")[0].replace(".venv/bin/python -m tests.security.advisories", "(exit {})")
    for code, passes in ((0, True), (1, False), (2, True), (3, False)):
        shell = command.strip().lstrip("@").replace("$$", "$").format(code)
        done = subprocess.run(["sh", "-c", shell], check=False)
        assert (done.returncode == 0) is passes
