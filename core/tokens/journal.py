"""What this machine remembers of Exact's token answers: slots for those on their way, an archive for those arrived."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from core.errors import ClickkerError
from core.tokens.archive import Archive, Archived
from core.tokens.records import Spend, rebind
from core.tokens.slots import Slots
from core.tokens.vault import Vault

log = logging.getLogger(__name__)


class Journal:
    """The folder of one database's journal. Nothing is made before it is used.

    A slot is what a promise rests on, so trouble with one is raised; the archive only helps after a restored backup,
    so trouble with it is logged and never stops a rotation.
    """

    def __init__(self, folder: Path, slots: int) -> None:
        self.folder = folder
        self.slots = Slots(folder, slots)
        self.archive = Archive(folder / "archive.db")
        self.works: bool | None = None
        """Whether a slot could be had the last time; None before the first."""

    def remember(
        self, spend: Spend, names: Sequence[str], sealed: bytes, now: datetime, *, orphan: bool = False
    ) -> None:
        """Keep an answer for seven days. ``names`` are the fingerprints of its refresh token, the present one first."""
        try:
            self.archive.add(spend, names, sealed, now, orphan=orphan)
        except (SQLAlchemyError, OSError):
            log.exception("The answer for grant %s could not be archived; its row holds it.", spend.grant_id)

    def follow(  # noqa: PLR0917 - from where to where, and what
        self,
        vault: Vault,
        source_id: str,
        target_id: str,
        parent: str,
        names: Sequence[str],
        now: datetime,
    ) -> None:
        """The pair of ``source_id``, whose refresh token has ``names``, went over to ``target_id``, which held
        ``parent`` until then. What is kept is sealed anew: an answer opens for its own grant alone."""
        found = self.newest(source_id)
        if found is None:
            return
        moved = Spend("", target_id, parent, found.registration_id, found.consent_id)
        known = [found.child, *(name for name in names if name != found.child)]
        try:
            self.remember(moved, known, rebind(vault, found.sealed, target_id), found.began_at or now)
        except ClickkerError:
            log.exception("The archived answer of grant %s cannot be used.", source_id)
        self.forget([source_id])

    def newest(self, grant_id: str) -> Archived | None:
        """The newest answer of one chain; None when nothing is known, or can be read."""
        try:
            return self.archive.newest(grant_id)
        except (SQLAlchemyError, OSError):
            log.exception("The archive of token answers cannot be read.")
            return None

    def forget(self, grant_ids: Collection[str]) -> None:
        """Wipe chains whose tokens were deleted here on purpose."""
        try:
            self.archive.wipe(grant_ids)
        except (SQLAlchemyError, OSError):
            log.exception(
                "Deleted tokens could not be taken out of the archive; they leave it within seven days."
            )

    def close(self) -> None:
        """Close the archive; a later call opens it again."""
        self.archive.close()
