"""``clickker keys``: making an encryption key, seeing which is in use where, and going over to a new one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from core.accounts.key_rotation import admin_by_password, has_admin, rotate_keys
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import SettingsError
from core.i18n import _, ngettext
from core.registrations.lost_keys import forget_key
from core.tokens.keys_in_use import Key, list_keys
from core.tokens.rekeying import Rekeyed
from core.tokens.vault import Vault
from dashboard.commands import explained, opened_application

UNFINISHED = 1

keys_app = typer.Typer(
    help="""Encryption keys.

    To change the key while everything runs: 1. make one with "generate" and add it at the END of
    CLICKKER_ENCRYPTION_KEYS of every process; restart them. 2. Move it to the FRONT; restart them. 3. Run "rotate" on
    each machine. 4. When "list" shows an old key in use nowhere, take it out; restart. Keep it with the backups that
    were made while it was in use: they cannot be opened without it.
    """,
    no_args_is_help=True,
)


@keys_app.command("generate")
def generate_key() -> None:
    """Print a new encryption key for CLICKKER_ENCRYPTION_KEYS."""
    typer.echo(Vault.generate_key())


@keys_app.command("list")
def list_all() -> None:
    """Which keys are in use where; a key is called by eight digits that say nothing about it."""
    with explained(), opened_application() as opened:
        keys = list_keys(opened)
    for key in keys:
        typer.echo(f"{key.name}\t{_state(key)}")
        for use in key.uses:
            typer.echo(f"\t{use.place}\t{use.count}")
    raise typer.Exit(0 if all(key.set_up for key in keys) else UNFINISHED)


@keys_app.command("rotate")
def rotate(
    email: Annotated[str, typer.Option(help="Your address as an admin; asked for otherwise.")] = "",
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask nothing, where nobody sits at a terminal.")
    ] = False,
) -> None:
    """Encrypt everything anew under the first key, while all goes on; again after an interruption."""
    with explained(), opened_application() as opened:
        by = _who(opened, email, no_input=no_input)
        result = rotate_keys(opened, by, lambda place, count: typer.echo(f"{place}\t{count}"))
        unused = [key.name for key in list_keys(opened) if not key.first and not key.count]
    raise typer.Exit(_tell(result, unused))


@keys_app.command("forget")
def forget(
    key: Annotated[str, typer.Argument(help="As “list” calls it.")],
    email: Annotated[str, typer.Option(help="Your address as an admin; asked for otherwise.")] = "",
) -> None:
    """When a key is lost for good: delete what only it could open. Those customers have to connect again."""
    with explained(), opened_application() as opened:
        by = _who(opened, email, no_input=False)
        count = forget_key(opened, by, key)
    typer.echo(
        ngettext(
            "{count} secret that nobody can open any more is deleted.",
            "{count} secrets that nobody can open any more are deleted.",
            count,
        ).format(count=count)
    )


def _who(app: Application, email: str, *, no_input: bool) -> CurrentOperator | None:
    """Who is to be named in the audit log. None where there is nobody to ask, or nobody to be asked about."""
    if not has_admin(app):
        return None
    if no_input:
        if sys.stdin.isatty():
            raise SettingsError(_("--no-input is for scripts. At a terminal you are asked who you are."))
        return None
    typed = email or typer.prompt(_("E-mail address of an admin"))
    return admin_by_password(app, typed, typer.prompt(_("Password"), hide_input=True))


def _tell(result: Rekeyed, unused: list[str]) -> int:
    total = sum(result.changed.values())
    typer.echo(
        ngettext("{count} secret encrypted anew.", "{count} secrets encrypted anew.", total).format(
            count=total
        )
    )
    for place in sorted(result.stuck):
        typer.echo(_("Cannot be opened, and was left as it is: {place}").format(place=place), err=True)
    if result.busy:
        typer.echo(
            _(
                "Something is still being encrypted with an older key. Give every process the new key in front, "
                "restart them, and run this again."
            ),
            err=True,
        )
    if unused:
        typer.echo(
            _(
                "In use nowhere any more, in the database and on this machine: {keys}. When this has run on every "
                "machine, take them out of CLICKKER_ENCRYPTION_KEYS, and keep them with the backups made until today."
            ).format(keys=", ".join(unused))
        )
    return UNFINISHED if result.busy or result.stuck else 0


def _state(key: Key) -> str:
    if not key.set_up:
        return _("missing from CLICKKER_ENCRYPTION_KEYS")
    if key.first:
        return _("encrypts")
    return _("opens what it encrypted before") if key.count else _("in use nowhere here")
