"""The one place where the parts are plugged together. Nothing is built at import."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

from core.audit.heads import HEADS, HeadFile
from core.exact.client import ExactClient
from core.health import Health
from core.settings import Settings
from core.storage.database import Database
from core.tokens.journal import Journal
from core.tokens.vault import Vault


@dataclass(frozen=True)
class Application:
    """Everything a use case needs from outside."""

    settings: Settings
    database: Database
    vault: Vault
    exact: ExactClient

    def __post_init__(self) -> None:
        # Whatever is recorded for the audit log tells the file outside the database where the chain ends.
        self.database.info[HEADS] = HeadFile(self.settings.audit_head_file)

    @cached_property
    def health(self) -> Health:
        """Whether anything can be written now."""
        return Health()

    @cached_property
    def journal(self) -> Journal:
        """Where answers of Exact's token address are kept on this machine."""
        return Journal(self.settings.journal_folder, self.settings.journal_slots)


def build(settings: Settings) -> Application:
    """Plug the parts together.

    Raises ``SettingsError`` when the encryption keys are missing, short or the example's.
    """
    return Application(
        settings=settings,
        database=Database(settings.database_url.get_secret_value()),
        vault=Vault(settings.encryption_keys.get_secret_value()),
        exact=ExactClient(settings),
    )


_application: Application | None = None
_lock = threading.Lock()


def application() -> Application:
    """The application of this process, built from the environment at first use."""
    global _application  # noqa: PLW0603 - one application a process is the point
    with _lock:
        if _application is None:
            _application = build(Settings())
        return _application


def use(app: Application | None) -> None:
    """Serve ``app`` from ``application()``: tests plug theirs in here, and take it out with None."""
    global _application  # noqa: PLW0603
    with _lock:
        _application = app
