"""The drill: an old backup is put back, or a replica that lagged takes over, and no customer has to connect again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from psycopg import sql
from sqlalchemy import select

from core.registrations.recovery import identify_strays
from core.storage.models import Grant, Registration
from core.tokens.grants import read_refresh_token
from core.tokens.rotation import access_token
from dashboard import cli, commands
from tests.crash.scene import DUE, Scene
from tests.support.postgres import PostgresServer

CUSTOMERS = 20
Backup = Callable[[], Callable[[], None]]


@pytest.fixture
def backup(scene: Scene, scene_url: str, request: pytest.FixtureRequest) -> Iterator[Backup]:
    """Calling it makes a backup; calling what it returns puts that back."""
    if scene.app.database.is_sqlite:
        path = Path(scene_url.removeprefix("sqlite:///"))
        yield lambda: _sqlite_backup(scene, path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = urlsplit(scene_url).path.lstrip("/")
    yield lambda: _postgres_backup(scene, server, name)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"{name}_b")))


def _sqlite_backup(scene: Scene, path: Path) -> Callable[[], None]:
    scene.app.database.dispose()  # the last connection to leave writes everything into the one file
    shutil.copyfile(path, path.with_suffix(".backup"))

    def restore() -> None:
        scene.app.database.dispose()
        for rest in ("-wal", "-shm"):
            Path(f"{path}{rest}").unlink(missing_ok=True)
        shutil.copyfile(path.with_suffix(".backup"), path)

    return restore


def _postgres_backup(scene: Scene, server: PostgresServer, name: str) -> Callable[[], None]:
    def copy(source: str, target: str) -> None:
        scene.app.database.dispose()
        drop, make = (
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"),
            sql.SQL("CREATE DATABASE {} TEMPLATE {}"),
        )
        server.execute(drop.format(sql.Identifier(target)))
        server.execute(make.format(sql.Identifier(target), sql.Identifier(source)))

    copy(name, f"{name}_b")
    return lambda: copy(f"{name}_b", name)


def _in_force(scene: Scene) -> set[str]:
    with scene.app.database.read() as session:
        grants = session.scalars(
            select(Grant).join(Registration, Registration.grant_id == Grant.id).where(Grant.live)
        )
        return {read_refresh_token(scene.app.vault, grant) for grant in grants}


def _living(scene: Scene) -> set[str]:
    return {issued.refresh_token for issued in scene.simulator.engine.journal() if issued.condition == "live"}


def _rotate_all(scene: Scene) -> None:
    scene.later(DUE)
    with scene.app.database.read() as session:
        grants = list(session.scalars(select(Grant.id).where(Grant.live)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda grant: access_token(scene.app, grant), grants))


def test_after_a_restored_backup_every_living_token_is_in_force_again(
    scene: Scene, backup: Backup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = [scene.connect(scene.crowd(number)) for number in range(CUSTOMERS)]
    _rotate_all(scene)
    restore = backup()

    for _time in range(2):
        _rotate_all(scene)
    for number in range(5):  # the customer connects once more
        scene.connect(scene.crowd(number), numbers[number])
    later = scene.connect(
        scene.crowd(5)
    )  # who has the same login as customer 5, and whom the backup has never seen
    _rotate_all(scene)
    scene.connect(scene.crowd(6), numbers[6])  # the last thing before the disaster
    killed = scene.registration(numbers[7]).grant_id
    scene.later(DUE)
    worker = scene.start("rotate", grant=killed, points=[12])  # and one answer is only in its slot
    worker.wait_for("at")
    worker.kill()
    living = _living(scene)
    assert len(living) == CUSTOMERS

    restore()

    assert len(_in_force(scene) & living) == 0
    printed = _recover_by_command(scene, monkeypatch, capsys)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(_in_force(scene) & living)} of {CUSTOMERS} living tokens in force. {printed}\n"
        )
    assert _in_force(scene) == living
    assert scene.registration_or_none(later) is None
    _rotate_all(scene)
    assert _in_force(scene) == _living(scene)


def _recover_by_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """``clickker tokens recover``, as an operator would type it."""

    monkeypatch.setattr(commands, "read_settings", lambda: scene.app.settings)
    capsys.readouterr()
    cli.recover_tokens()
    return capsys.readouterr().out.strip()


def test_a_first_consent_after_the_backup_is_found_by_its_registration(scene: Scene, backup: Backup) -> None:
    user = scene.crowd(100)
    job = scene.consenting(user)
    restore = backup()
    outcome = scene.start("exchange", **job).result()
    assert outcome == "granted"
    grant_id = scene.registration(job["registration"]).grant_id
    assert grant_id
    scene.later(DUE)
    access_token(scene.app, grant_id)

    restore()
    assert scene.registration(job["registration"]).grant_id is None
    scene.start("recover").result()

    assert scene.registration(job["registration"]).candidate_grant_id == grant_id
    assert scene.consent_is_whole(job["registration"], user)


def test_a_replica_that_lagged_is_brought_forward_by_whoever_is_refused(scene: Scene, backup: Backup) -> None:
    """Nobody restarts anything: the database is another one, and a few moments behind."""
    numbers = [scene.connect(scene.crowd(200 + number)) for number in range(3)]
    failover = backup()
    _rotate_all(scene)
    _rotate_all(scene)
    failover()
    scene.later(DUE)
    for number in numbers:
        grant_id = scene.registration(number).grant_id
        assert grant_id
        assert scene.app.exact.me("nl", access_token(scene.app, grant_id)).user_id
        assert scene.grant(grant_id).refusals == 0


def test_who_was_connected_only_after_the_backup_leaves_no_tokens_without_an_owner(
    scene: Scene, backup: Backup
) -> None:
    restore = backup()
    scene.connect(scene.crowd(300))
    restore()
    scene.start("recover").result()
    with scene.app.database.read() as session:
        strays: list[Any] = session.scalars(select(Grant.id).where(~Grant.live)).all()  # type: ignore[assignment]
    assert len(strays) == 1
    assert identify_strays(scene.app) == 1
    with scene.app.database.read() as session:
        assert session.get(Grant, strays[0]) is None
