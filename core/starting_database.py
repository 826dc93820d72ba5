"""What must be right about the database before the product may serve, and what is told of it then."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from core.demo_people import has_demo_password
from core.errors import SettingsError
from core.i18n import _
from core.settings import Settings
from core.starting import uses_simulator
from core.storage import schema
from core.storage.database import Database
from core.storage.database_address import shown, unreachable


def check_database(settings: Settings) -> None:
    """Raise ``SettingsError`` when it is out of reach, newer than this version, or the demo's."""
    address = settings.database_url.get_secret_value()
    database = Database(address)
    try:
        check_usable(database, address)
        if has_demo_password(database):
            raise SettingsError(demo_reason())
    finally:
        database.dispose()


def check_usable(database: Database, address: str) -> None:
    """Raise ``SettingsError`` when the database at ``address`` is out of reach, or newer than this version."""
    try:
        schema.check_not_newer(database)
    except DBAPIError as error:
        raise SettingsError(unreachable(error, address)) from None


def demo_reason() -> str:
    """Why the demo's database is not served."""
    return _(
        "This is the database of the demo, whose passwords everybody can read in the source. Set CLICKKER_DATABASE_URL "
        "to another one, or disable those accounts."
    )


def told_at_start(settings: Settings) -> str:
    """One line for the log: where it is, on what database, who keeps the connections alive, and which Exact."""
    keeper = "in the dashboard" if settings.keeper == "dashboard" else "elsewhere (CLICKKER_KEEPER=off)"
    exact = "a SIMULATOR" if uses_simulator(settings) else "Exact Online itself"
    where = shown(settings.database_url.get_secret_value())
    return f"Serving {settings.public_address}; database {where}; keeper {keeper}; connected to {exact}"
