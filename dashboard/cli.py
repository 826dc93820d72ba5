"""The command ``clickker``: everything that is done outside the browser."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from core import i18n, logs
from core.alarms.addresses import Audience
from core.alarms.delivery import deliver_due
from core.alarms.trying import send_test
from core.audit.events import Event
from core.audit.record import record_alone
from core.audit.upgrading import upgrade_and_record
from core.doctor import Verdict, examine
from core.errors import ClickkerError
from core.i18n import _, ngettext
from core.keeping.working import keep
from core.redaction import secrets_of
from core.registrations.recovery import recover_chains, replay_journal
from core.starting import read_settings
from core.storage import schema
from dashboard import cli_operators, serving
from dashboard.cli_audit import verify_and_tell
from dashboard.cli_keys import keys_app
from dashboard.commands import explained as _explained
from dashboard.commands import opened_application as _application

app = typer.Typer(
    help="Clickker Connections.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it may show what the variables held
)
database_app = typer.Typer(help="The database.", no_args_is_help=True)
alarms_app = typer.Typer(help="Telling somebody.", no_args_is_help=True)
tokens_app = typer.Typer(help="The tokens of Exact Online.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(database_app, name="db")
app.add_typer(alarms_app, name="alarms")
app.add_typer(keys_app, name="keys")
app.add_typer(tokens_app, name="tokens")
app.add_typer(cli_operators.app, name="operator")


@app.callback()
def _start() -> None:
    os.chdir(serving.ROOT)
    shell = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    i18n.set_language("nl" if shell.startswith("nl") else "en")
    _write_logs()


def _write_logs() -> None:
    try:
        settings = read_settings()
    except ClickkerError:  # the command itself says what is wrong with them
        logs.set_up("text")
        return
    logs.set_up(settings.log_format or "text", secrets_of(settings))


@app.command()
def serve(
    address: Annotated[str, typer.Option(help="The address of this computer to listen on.")] = "localhost",
) -> None:
    """Serve the dashboard on CLICKKER_PORT; refuses to start when a setting is wrong."""
    with _explained():
        serving.serve(read_settings(), address)


@app.command()
def keeper() -> None:
    """Keep connections alive, in a process of its own; ends when asked to, once what is in flight is done."""
    logs.begin_service()
    with _explained(), _application() as opened:
        keep(opened, stopped_by_signal())


@app.command()
def demo(
    reset: Annotated[bool, typer.Option("--reset", help="Throw the demo's data away first.")] = False,
) -> None:
    """Everything at once, with an Exact Online to practise on and customers to look at."""
    from dashboard.demo import run_demo  # the simulator comes along

    with _explained():
        run_demo(reset=reset)


@app.command()
def simulator(
    client_id: Annotated[str, typer.Option()],
    client_secret: Annotated[str, typer.Option()],
    redirect_uri: Annotated[str, typer.Option()],
    port: Annotated[int, typer.Option()] = 8502,
    state: Annotated[Path | None, typer.Option(help="A file to remember tokens in.")] = None,
) -> None:
    """An Exact Online to practise on, on this computer only."""
    from dashboard.demo import run_simulator

    with _explained():
        run_simulator(port, client_id, client_secret, redirect_uri, state)


@app.command()
def doctor() -> None:
    """Say what is wrong with settings, database and the way to Exact Online, and how to mend it."""
    with _explained():
        settings = read_settings()
    marks = {Verdict.GOOD: "✓", Verdict.NOTE: "·", Verdict.WRONG: "✗"}
    wrong = False
    for finding in examine(settings):
        typer.echo(f"{marks[finding.verdict]} {finding.subject}: {finding.sentence}")
        wrong = wrong or finding.verdict is Verdict.WRONG
    raise typer.Exit(1 if wrong else 0)


@audit_app.command("verify")
def verify_audit() -> None:
    """Say whether every entry of the audit log is as it was written; exit code 1 when one is not."""
    with _explained(), _application() as opened:
        raise typer.Exit(verify_and_tell(opened))


@app.command()
def seed(
    registrations: Annotated[int, typer.Option(min=1)],
    administrations: Annotated[int, typer.Option(min=0)] = 10,
) -> None:
    """Fill an empty database with made-up registrations, to measure with. ADMINISTRATIONS is per registration."""
    from core.seed import seed as plant

    with _explained(), _application() as opened:
        schema.upgrade(opened.database)
        plant(opened, registrations, administrations)
        record_alone(opened, Event.DATABASE_SEEDED, None, detail=f"{registrations} {administrations}")


@database_app.command("upgrade")
def upgrade() -> None:
    """Bring the database to this version's tables."""
    with _explained():
        upgrade_and_record(read_settings())
    typer.echo(_("The database is up to date."))


@tokens_app.command("recover")
def recover_tokens() -> None:
    """After a restored backup or a failover: bring every consent to the newest tokens that this machine knows of."""
    with _explained(), _application() as opened:
        replayed, brought = replay_journal(opened), recover_chains(opened)
        record_alone(opened, Event.TOKENS_RECOVERED, None, detail=f"{replayed} {brought}")
    typer.echo(
        _(
            "Answers found in the journal: {replayed}. Consents brought to their newest tokens: {brought}."
        ).format(replayed=replayed, brought=brought)
    )


@alarms_app.command("test")
def test_alarms(
    to: Annotated[Audience, typer.Option(help="Whose address to test.")] = Audience.SUPPORT,
    email: Annotated[str, typer.Option(help="Of the operator who is told, with --to owner.")] = "",
) -> None:
    """Send a test the way alarms go, and say whether it arrived."""
    with _explained(), _application() as opened:
        tried = send_test(opened, None, to, email)
    for one in tried:
        typer.echo(f"{'✓' if one.sent else '✗'} {one.label} {one.error}".rstrip())
    raise typer.Exit(0 if all(one.sent for one in tried) else 1)


@alarms_app.command("send")
def send_alarms() -> None:
    """Send the alarms that are due now and end; a running dashboard does so by itself."""
    with _explained(), _application() as opened:
        count = deliver_due(opened)
    typer.echo(ngettext("{count} message sent.", "{count} messages sent.", count).format(count=count))


def stopped_by_signal() -> threading.Event:
    """Set by the first SIGTERM or Ctrl-C; a second one ends the process as if we had not listened."""
    stop = threading.Event()

    def listen(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    signal.signal(signal.SIGTERM, listen)
    signal.signal(signal.SIGINT, listen)
    return stop


if __name__ == "__main__":
    app()
