"""Where alarms arrive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.receivers import Hook, Mailbox, mail_server, web_hook


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as running:
        yield running


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running
