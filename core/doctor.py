"""What is wrong with this installation, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core import clock, descriptors
from core.accounts.provider_metadata import why_no_provider
from core.accounts.roles import Role
from core.accounts.ways_in import has_way_in
from core.audit.heads import HeadFile
from core.demo_people import has_demo_password
from core.errors import SettingsError
from core.exact.environments import ENVIRONMENTS, available, base_url, environment_name
from core.exact.reach import why_unreachable
from core.findings import Finding, Verdict
from core.i18n import _, ngettext
from core.registrations import heartbeat
from core.registrations.wording import moment
from core.settings import Settings, secrets_file
from core.starting import reasons_not_to_serve, uses_simulator
from core.starting_database import demo_reason
from core.storage import counters, schema
from core.storage.database import Database
from core.storage.database_address import unreachable
from core.storage.models import AuditHead, Operator
from core.storage.search import search_backend
from core.tokens.keys_in_use import check_keys, uses_in
from core.tokens.vault import Vault

__all__ = ["Finding", "Verdict", "examine"]


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at settings, database and the way to Exact Online, one finding at a time."""
    yield from _settings(settings)
    yield from descriptors.told()
    yield from _database(settings)
    yield from _provider(settings)
    yield from _environments(settings)


def _settings(settings: Settings) -> Iterator[Finding]:
    subject = _("Settings")
    reasons = reasons_not_to_serve(settings)
    for reason in reasons:
        yield Finding(Verdict.WRONG, subject, reason)
    if not reasons:
        yield Finding(Verdict.GOOD, subject, _("Key and public address are in order."))
    if uses_simulator(settings) and settings.allow_simulator:
        yield Finding(Verdict.NOTE, subject, _("A simulator stands in for Exact Online: for practice only."))
    secrets = secrets_file()
    if secrets.is_file() and secrets.stat().st_mode & 0o077:
        yield Finding(
            Verdict.WRONG,
            subject,
            _("Others on this computer can read {file}: run chmod 600 {file}.").format(file=secrets),
        )


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        database = Database(settings.database_url.get_secret_value())
    except SettingsError as error:
        yield Finding(Verdict.WRONG, _("Database"), error.message)
        return
    except (SQLAlchemyError, OSError, ImportError) as error:
        yield _unreachable(error, settings)
        return
    try:
        schema.check_not_newer(database)
        yield from _migrations(database)
        with database.read() as session:
            yield from _sqlite(session) if database.is_sqlite else _postgresql(session, database)
            yield from _keys(settings, database)
            yield from _operators(session, database, settings)
            yield from _demo(database)
            yield from _break_glass(session, database, settings)
            yield from _keeper(session, database)
            yield from _audit(session, settings, database)
    except SettingsError as error:
        yield Finding(Verdict.WRONG, _("Database"), error.message)
    except SQLAlchemyError as error:
        yield _unreachable(error, settings)
    finally:
        database.dispose()


def _unreachable(error: Exception, settings: Settings) -> Finding:
    told = unreachable(error, settings.database_url.get_secret_value())
    return Finding(Verdict.WRONG, _("Database"), told)


def _migrations(database: Database) -> Iterator[Finding]:
    if schema.is_current(database):
        yield Finding(Verdict.GOOD, _("Database"), _("Reached, with the tables of this version."))
    else:
        yield Finding(
            Verdict.WRONG, _("Database"), _("Not yet at this version's tables: run “clickker db upgrade”.")
        )


def _sqlite(session: Session) -> Iterator[Finding]:
    mode = session.scalar(text("PRAGMA journal_mode"))
    if mode == "wal":
        yield Finding(Verdict.GOOD, _("Database"), _("SQLite with a write-ahead log (WAL)."))
    else:
        sentence = _(
            "SQLite without a write-ahead log (WAL): put the file on a local disk, not a network share."
        )
        yield Finding(Verdict.WRONG, _("Database"), sentence)


def _postgresql(session: Session, database: Database) -> Iterator[Finding]:
    if search_backend(database) == "pg_trgm":
        yield Finding(
            Verdict.GOOD, _("Database"), _("PostgreSQL with pg_trgm: searching by a part of a name is fast.")
        )
        return
    sentence = _(
        "PostgreSQL does not use pg_trgm: searching by a part of a name gets slow with many customers; {mend}."
    )
    yield Finding(Verdict.NOTE, _("Database"), sentence.format(mend=_way_to_pg_trgm(session)))


def _way_to_pg_trgm(session: Session) -> str:
    query = text("SELECT installed_version FROM pg_available_extensions WHERE name = 'pg_trgm'")
    row = session.execute(query).one_or_none()
    if row is None:
        return _("install it on the server (Debian: postgresql-contrib), then “clickker db upgrade”")
    if row.installed_version is None:
        return _("run CREATE EXTENSION pg_trgm in this database, then “clickker db upgrade”")
    return _("it is installed, so run “clickker db upgrade”")


def _keys(settings: Settings, database: Database) -> Iterator[Finding]:
    subject = _("Encryption keys")
    try:
        vault = Vault(settings.encryption_keys.get_secret_value())
    except SettingsError:
        return  # told of with the settings
    try:
        check_keys(database, vault)
    except SettingsError as error:
        yield Finding(Verdict.WRONG, subject, error.message)
        return
    older = sum(use.count for use in uses_in(database) if use.head != vault.heads[0])
    if older:
        sentence = ngettext(
            "{count} secret is still encrypted with an older key: run “clickker keys rotate”.",
            "{count} secrets are still encrypted with an older key: run “clickker keys rotate”.",
            older,
        )
        yield Finding(Verdict.NOTE, subject, sentence.format(count=older))
    else:
        yield Finding(Verdict.GOOD, subject, _("The first key opens everything that is stored."))


def _operators(session: Session, database: Database, settings: Settings) -> Iterator[Finding]:
    if not schema.is_current(database):
        return
    admins = select(func.count()).where(
        Operator.active, Operator.role == Role.ADMIN.value, has_way_in(settings)
    )
    if not session.scalar(admins):
        sentence = _("Nobody can sign in as admin yet: run “clickker operator invite --role admin”.")
        yield Finding(Verdict.WRONG, _("Operators"), sentence)


def _demo(database: Database) -> Iterator[Finding]:
    if has_demo_password(database):
        yield Finding(Verdict.WRONG, _("Operators"), demo_reason())


def _break_glass(session: Session, database: Database, settings: Settings) -> Iterator[Finding]:
    """Who gets in when the provider is out of reach, where passwords are switched off for everybody else."""
    if settings.passwords == "on" or not schema.is_current(database):
        return
    named = settings.break_glass_accounts
    able = session.scalars(
        select(Operator.email).where(
            Operator.email.in_(sorted(named)), Operator.active, Operator.password_hash.is_not(None)
        )
    ).all()
    for address in sorted(named - set(able)):
        sentence = _("CLICKKER_BREAK_GLASS names {address}, who has no account here with a password.")
        yield Finding(Verdict.WRONG, _("Single sign-on"), sentence.format(address=address))
    if not able:
        sentence = _(
            "When {provider} is out of reach nobody gets in: name an account in CLICKKER_BREAK_GLASS."
        )
        yield Finding(Verdict.NOTE, _("Single sign-on"), sentence.format(provider=settings.sso.name))


def _provider(settings: Settings) -> Iterator[Finding]:
    if not settings.sso.on:
        return
    subject = _("Single sign-on")
    wrong = why_no_provider(settings)
    if wrong:
        yield Finding(Verdict.WRONG, subject, wrong)
        return
    sentence = _("{provider} answers. Its app must permit this redirect URI: {uri}")
    told = sentence.format(provider=settings.sso.name, uri=settings.provider_redirect_uri)
    yield Finding(Verdict.GOOD, subject, told)


def _keeper(session: Session, database: Database) -> Iterator[Finding]:
    if not schema.is_current(database):
        return
    ran_at = heartbeat.ran_at(counters.read_all(session))
    if ran_at is None:
        sentence = _("No keeper has been at work yet: start the dashboard, or “clickker keeper”.")
        yield Finding(Verdict.NOTE, _("Keeper"), sentence)
    elif heartbeat.is_missing(ran_at, clock.now()):
        sentence = _(
            "No one is keeping the connections alive: the keeper last ran at {moment}. Start the dashboard, or "
            "“clickker keeper” where CLICKKER_KEEPER is off."
        )
        yield Finding(Verdict.WRONG, _("Keeper"), sentence.format(moment=moment(ran_at)))
    else:
        yield Finding(
            Verdict.GOOD, _("Keeper"), _("The keeper last ran at {moment}.").format(moment=moment(ran_at))
        )


def _audit(session: Session, settings: Settings, database: Database) -> Iterator[Finding]:
    """Whether the file outside the database keeps up with the audit log; its whole chain is for "audit verify"."""
    if not schema.is_current(database):
        return
    file, subject = HeadFile(settings.audit_head_file), _("Audit log")
    ends_at = session.scalar(select(AuditHead.sequence))
    try:
        last = file.last()
    except OSError as error:
        sentence = _("The head in {file} cannot be read ({reason}). Run this as the dashboard's user.")
        yield Finding(Verdict.WRONG, subject, sentence.format(file=file.path, reason=type(error).__name__))
        return
    if ends_at is None or (last is not None and last.sequence > ends_at):
        sentence = _("Entries are missing at its end: run “clickker audit verify”.")
        yield Finding(Verdict.WRONG, subject, sentence)
    elif ends_at > (last.sequence if last else 0):
        sentence = _(
            "Its head could not be written to {file} lately: see that this user can write there and the disk "
            "is not full."
        )
        yield Finding(Verdict.WRONG, subject, sentence.format(file=file.path))
    else:
        yield Finding(
            Verdict.GOOD,
            subject,
            _("Its head stands outside the database too, in {file}.").format(file=file.path),
        )


def _environments(settings: Settings) -> Iterator[Finding]:
    set_up = [code for code in ENVIRONMENTS if code in settings.exact]
    if not set_up:
        sentence = _(
            "No app is set up for any country: register one at Exact and set CLICKKER_EXACT__NL__CLIENT_ID and "
            "CLICKKER_EXACT__NL__CLIENT_SECRET (or another country's)."
        )
        yield Finding(Verdict.WRONG, "Exact Online", sentence)
    for code in sorted(set(settings.exact) - set(ENVIRONMENTS)):
        sentence = _("There is no environment “{code}”; there are {codes}.")
        yield Finding(
            Verdict.WRONG, "Exact Online", sentence.format(code=code, codes=", ".join(ENVIRONMENTS))
        )
    for code in set_up:
        yield _environment(settings, code)


def _environment(settings: Settings, code: str) -> Finding:
    subject = f"Exact Online {environment_name(code)}"
    missing = available(settings, code)
    if missing:
        return Finding(Verdict.WRONG, subject, missing)
    try:
        reason = why_unreachable(base_url(settings, code))
    except SettingsError as error:
        return Finding(Verdict.WRONG, subject, error.message)
    if reason:
        sentence = _(
            "Cannot be reached from here ({reason}). Check the firewall, the proxy and DNS of this server."
        )
        return Finding(Verdict.WRONG, subject, sentence.format(reason=reason))
    return Finding(Verdict.GOOD, subject, _("App set up, and the server answers."))
