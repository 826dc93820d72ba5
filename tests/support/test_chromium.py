"""Where the browser tests get their browser, and what they say when there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import Playwright

from tests.support import chromium


def _playwright(path: str) -> Playwright:
    return cast(Playwright, SimpleNamespace(chromium=SimpleNamespace(executable_path=path)))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser, and not root."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def _program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_it_takes_the_named_one_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(bare / "chromium")
    monkeypatch.setenv("CHROMIUM", _program(bare / "my-own"))

    assert chromium.find_chromium(_playwright("")) == str(bare / "my-own")


def test_it_refuses_a_named_one_that_is_not_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", str(bare / "gone"))

    with pytest.raises(chromium.NoChromium, match="gone"):
        chromium.find_chromium(_playwright(""))


def test_it_finds_one_on_the_path(bare: Path) -> None:
    _program(bare / "chromium-browser")

    assert chromium.find_chromium(_playwright("")) == str(bare / "chromium-browser")


def test_it_finds_playwrights_own(bare: Path) -> None:
    own = _program(bare / "downloaded")

    assert chromium.find_chromium(_playwright(own)) == own


def test_it_says_everything_it_tried_when_there_is_none(bare: Path) -> None:
    with pytest.raises(chromium.NoChromium) as raised:
        chromium.find_chromium(_playwright(str(bare / "nothing")))

    for part in ("$CHROMIUM is not set", "on the PATH", "playwright install", "root on Debian"):
        assert part in str(raised.value)


def test_as_root_on_debian_it_installs_the_package(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(bare / "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    ran: list[list[str]] = []

    def install(command: list[str], **_options: Any) -> SimpleNamespace:
        ran.append(command)
        _program(bare / "chromium")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", install)

    assert chromium.find_chromium(_playwright("")) == str(bare / "chromium")
    assert ran == [["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]]
