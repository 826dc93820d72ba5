"""Which encryption keys are in use, where; and whether the settings have them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from core.application import Application
from core.errors import SettingsError
from core.i18n import ngettext
from core.settings import Settings
from core.storage.database import Database
from core.tokens.rekeying import ARCHIVE, JOURNAL
from core.tokens.sealed import heads_in_use
from core.tokens.vault import HEAD_BYTES, Vault, key_name


@dataclass(frozen=True)
class Use:
    """So many ciphertexts of one key in one place."""

    head: bytes
    place: str
    """``table.column``, or what is on this machine's disk."""
    count: int


@dataclass(frozen=True)
class Key:
    """One encryption key, of the settings or of something that is stored."""

    name: str
    set_up: bool
    """Whether the settings have it."""
    first: bool
    """Whether it is what new secrets are encrypted with."""
    uses: tuple[Use, ...]

    @property
    def count(self) -> int:
        return sum(use.count for use in self.uses)


def list_keys(app: Application) -> list[Key]:
    """The keys of the settings in their order, then those that only something stored knows of."""
    uses = [*uses_in(app.database), *_uses_on_disk(app)]
    heads = list(dict.fromkeys([*app.vault.heads, *sorted(use.head for use in uses)]))
    return [
        Key(
            key_name(head),
            set_up=head in app.vault.heads,
            first=head == app.vault.heads[0],
            uses=tuple(use for use in uses if use.head == head),
        )
        for head in heads
    ]


def uses_in(database: Database) -> list[Use]:
    """Which keys the rows of a database were made with."""
    with database.read() as session:
        return [Use(head, place, count) for place, head, count in heads_in_use(session)]


def check_keys(database: Database, vault: Vault) -> None:
    """Raise ``SettingsError`` that names every key that rows were made with and the settings do not have.

    So a wrong key is found when the product starts, and not at the first token that is to be refreshed.
    """
    missing = [use for use in uses_in(database) if use.head not in vault.heads]
    if missing:
        raise SettingsError(_missing(missing, vault))


def check_keys_of(settings: Settings) -> None:
    """The same before anything is plugged together. A database out of reach is told of by whoever needs it."""
    vault = Vault(settings.encryption_keys.get_secret_value())
    with suppress(
        SQLAlchemyError, OSError, ImportError
    ):  # raises ``SettingsError`` for an address that is none
        database = Database(settings.database_url.get_secret_value())
        try:
            check_keys(database, vault)
        finally:
            database.dispose()


def _missing(uses: list[Use], vault: Vault) -> str:
    count = sum(use.count for use in uses)
    keys = ", ".join(sorted({key_name(use.head) for use in uses}))
    present = ", ".join(key_name(head) for head in vault.heads)
    return ngettext(
        "The encryption key is wrong: {count} stored secret was made with key {keys}, and CLICKKER_ENCRYPTION_KEYS "
        "has only {present}. Put that key back, after the others. “clickker keys list” shows what is where; for a key "
        "that is lost for good there is “clickker keys forget”.",
        "The encryption key is wrong: {count} stored secrets were made with key {keys}, and CLICKKER_ENCRYPTION_KEYS "
        "has only {present}. Put that key back, after the others. “clickker keys list” shows what is where; for a key "
        "that is lost for good there is “clickker keys forget”.",
        count,
    ).format(count=count, keys=keys, present=present)


def _uses_on_disk(app: Application) -> Iterator[Use]:
    counted: dict[bytes, int] = {}
    for head in app.journal.slots.glimpse(HEAD_BYTES):
        counted[head] = counted.get(head, 0) + 1
    yield from (Use(head, JOURNAL, count) for head, count in counted.items())
    yield from (Use(head, ARCHIVE, count) for head, count in app.journal.archive.heads().items())
