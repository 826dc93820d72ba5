"""A keeper as a process or a thread runs it: alone on SQLite, until it is asked to stop."""

from __future__ import annotations

import logging
import threading

from core.application import Application
from core.errors import SettingsError
from core.i18n import _
from core.keeping.chores import settle_all
from core.keeping.jobs import told
from core.keeping.keeper import Keeper
from core.keeping.lock import KeeperRunning, only_keeper
from core.starting import reasons_not_to_serve
from core.storage import schema
from core.tokens.keys_in_use import check_keys

log = logging.getLogger("clickker.keeper")
SETTLE_SECONDS = 15.0


def keep(app: Application, stop: threading.Event) -> None:
    """Keep connections alive until ``stop`` is set, then finish what is in flight.

    Raises ``SettingsError`` when something must be mended first, ``KeeperRunning`` when another has the SQLite file.
    """
    reasons = reasons_not_to_serve(app.settings)
    if reasons:
        raise SettingsError("\n".join(reasons))
    if not schema.is_current(app.database):
        raise SettingsError(
            _(
                "The database is not yet at this version's tables: run “clickker db upgrade”, then start again."
            )
        )
    check_keys(app.database, app.vault)
    with only_keeper(app.database):
        log.info("The keeper is at work.")
        Keeper(app).run(stop)


def keep_within(app: Application, stop: threading.Event) -> None:
    """The same in the dashboard, which serves on where it is not to keep: then it only keeps statuses true."""
    if app.settings.keeper == "dashboard":
        try:
            with only_keeper(app.database):
                Keeper(app).run(stop)
                return
        except KeeperRunning as error:
            log.warning("The dashboard runs without a keeper of its own. %s", error.message)
    while not stop.wait(SETTLE_SECONDS):
        try:
            settle_all(app)
        except Exception as error:
            log.error("Statuses could not be derived again: %s", told(error))  # noqa: TRY400
