"""``clickker operator``: what the page Operators does, from a shell, when nobody can sign in any more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from core import clock
from core.accounts import operators
from core.accounts.invitations import InvitationLink
from core.accounts.open_sessions import end_operator_sessions
from core.accounts.operator_list import OperatorView, list_operators, operator_called
from core.accounts.roles import Role, role_name
from core.accounts.second_factor import take_away_second_factor
from core.errors import NotFound
from core.i18n import _
from core.registrations.wording import moment
from dashboard.commands import explained, opened_application

app = typer.Typer(help="Who may sign in.", no_args_is_help=True)

EmailOption = Annotated[str, typer.Option(help="The address to sign in with.")]
NameOption = Annotated[str, typer.Option(help="As colleagues see it.")]
RoleOption = Annotated[Role, typer.Option(help="What the operator may do.")]


@app.command("invite")
def invite_operator(email: EmailOption, name: NameOption, role: RoleOption = Role.SUPPORT) -> None:
    """Add an operator and print the link with which they choose a password; again for a new link."""
    with explained(), opened_application() as opened:
        try:
            waiting: OperatorView | None = operator_called(opened, email)
        except NotFound:
            waiting = None
        if waiting is not None and not waiting.account_created:
            link = operators.resend(opened, None, waiting.id)
        else:
            link = operators.invite(opened, None, email, name, role)
        _tell(name, link)


@app.command("reset")
def reset_operator(email: EmailOption) -> None:
    """Print a link with which an operator chooses a new password."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        _tell(one.name, operators.reset(opened, None, one.id))


@app.command("add")
def add(
    email: EmailOption,
    name: NameOption,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    role: RoleOption = Role.SUPPORT,
) -> None:
    """Add an operator with a password at once; asked for, so that it stays out of the shell's history."""
    with explained(), opened_application() as opened:
        operators.add_operator(opened, email, name, role, password)
    typer.echo(_("{name} can sign in now.").format(name=name))


@app.command("list")
def list_all() -> None:
    """Everybody: address, name, role, state, second factor, last seen; a tab between."""
    with explained(), opened_application() as opened:
        for one in list_operators(opened, None):
            state = "active" if one.active and one.account_created else "waiting"
            state = state if one.active else "disabled"
            factor = "second-factor" if one.second_factor else "-"
            seen = _written(one.last_seen_at) if one.last_seen_at else "-"
            typer.echo("\t".join((one.email, one.name, one.role, state, factor, seen)))


@app.command("role")
def give_role(email: EmailOption, role: RoleOption) -> None:
    """Give an operator another role; signs them out. Refused for the last admin."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        operators.set_role(opened, None, one.id, role)
        typer.echo(_("{name} is {role} now.").format(name=one.name, role=role_name(role)))


@app.command("disable")
def disable_operator(email: EmailOption) -> None:
    """Let an operator in no longer, and sign them out everywhere. Refused for the last admin."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        operators.disable(opened, None, one.id)
        typer.echo(_("{name} cannot sign in any more.").format(name=one.name))


@app.command("enable")
def enable_operator(email: EmailOption) -> None:
    """Let a disabled operator in again, with the password of before."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        operators.enable(opened, None, one.id)
        typer.echo(_("{name} can sign in again.").format(name=one.name))


@app.command("end-sessions")
def end_sessions(email: EmailOption) -> None:
    """Sign an operator out everywhere."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        end_operator_sessions(opened, None, one.id)
        typer.echo(_("{name} is signed out everywhere.").format(name=one.name))


@app.command("second-factor-off")
def second_factor_off(email: EmailOption) -> None:
    """Let somebody who lost the phone in with the password alone; signs them out everywhere."""
    with explained(), opened_application() as opened:
        one = operator_called(opened, email)
        take_away_second_factor(opened, None, one.id)
        typer.echo(_("{name} signs in with the password alone now.").format(name=one.name))


def _written(at: datetime) -> str:
    return f"{at.astimezone(clock.DUTCH):%Y-%m-%d %H:%M}{clock.offset_mark(at)}"


def _tell(name: str, link: InvitationLink) -> None:
    typer.echo(
        _("Send this link to {name}. It works once, until {moment}:").format(
            name=name, moment=moment(link.expires_at)
        )
    )
    typer.echo(link.url)
