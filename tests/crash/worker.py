"""A process that forks workers with the product loaded, and the work they do until they are killed.

``python -m tests.crash.worker`` reads one job a line (JSON) from its input, forks a process for it, and every process
writes what happens to it on the shared output, one line (JSON) an event: ``started``, ``at`` (its point was reached),
``done`` with a result, ``failed``. The product has no hooks: see ``tests.crash.points`` for how a worker is stopped.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg  # noqa: F401 - loaded before the fork
from sqlalchemy.orm import configure_mappers

from core import clock
from core.application import Application, build
from core.exact import transport
from core.exact.errors import ExactError
from core.registrations.callback import complete_consent
from core.registrations.recovery import recover_chains, replay_journal
from core.settings import Settings
from core.tokens.rekeying import rekey
from core.tokens.rotation import access_token
from tests.crash.points import install, trail

Job = dict[str, Any]


def tell(job: Job, event: str, **details: Any) -> None:
    """One event, in one write: lines of several processes do not mix."""
    line = json.dumps({"job": job["id"], "event": event, "pid": os.getpid(), **details})
    os.write(1, line.encode() + b"\n")


def main() -> None:
    """Fork a worker for each line until the input ends."""
    logging.disable(logging.ERROR)  # what a worker has to say it tells
    configure_mappers()
    prepared = (
        transport.new_client()
    )  # reading the certificates takes longer than everything else; no socket is open
    transport.new_client = lambda: prepared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead: the kernel buries them
    for line in sys.stdin:
        job = json.loads(line)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _work(job)


def _work(job: Job) -> None:
    try:
        tell(job, "started")
        settings = Settings(**job["settings"])
        app = build(settings)
        _mislead_clock(job.get("clock_error", 0.0))
        install(app, job.get("points", []), lambda name: _halt(job, name))
        trail(app, job.get("trail", False), lambda name: tell(job, "passed", point=name))
        with clock.shifted(timedelta(seconds=job["offset"])):
            tell(job, "done", result=_JOBS[job["name"]](app, job))
    except BaseException as error:
        tell(
            job,
            "failed",
            error=f"{type(error).__name__}: {error}"[:500],
            trace=traceback.format_exc()[-2000:],
        )
    finally:
        os._exit(0)


def _halt(job: Job, point: str) -> None:
    """Say that the point is reached, and go no further: a stopped process until it is continued, else a thread that
    sleeps until the process is killed."""
    tell(job, "at", point=point)
    if job.get("freeze"):
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    while True:
        time.sleep(60)


def _mislead_clock(seconds: float) -> None:
    """Let the clock of this machine be wrong, which is another thing than an offset that all know of."""
    if seconds:
        right = clock.now

        def wrong() -> datetime:
            return right() + timedelta(seconds=seconds)

        clock.now = wrong


def _rotate(app: Application, job: Job) -> list[str]:
    """What each of the threads got: a digest of the token, or the kind of failure."""

    def one(_number: int) -> str:
        try:
            return sha256(access_token(app, job["grant"]).encode()).hexdigest()
        except ExactError as error:
            return error.kind.value

    threads = job.get("threads", 1)
    if threads == 1:
        return [one(0)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def _exchange(app: Application, job: Job) -> str:
    query = [(name, value) for name, value in job["query"]]
    return complete_consent(app, query, job["browser"], job["operator"]).outcome.value


def _recover(app: Application, job: Job) -> list[int]:
    """A start: what was left behind, then what a restored backup forgot; twice, since once must be enough."""
    return [replay_journal(app), recover_chains(app), replay_journal(app) + recover_chains(app)]


def _restart(app: Application, job: Job) -> list[Any]:
    return [*_recover(app, job), *_rotate(app, job)]


def _refresh_on(app: Application, job: Job) -> int:
    """Refresh the same grants, one after the other, so many times."""
    for _number in range(job["times"]):
        for grant_id in job["grants"]:
            access_token(app, grant_id)
    return int(job["times"])


def _rekey(app: Application, _job: Job) -> dict[str, Any]:
    result = rekey(app)
    return {"busy": result.busy, "stuck": sorted(result.stuck), "changed": result.changed}


_JOBS = {
    "rotate": _rotate,
    "exchange": _exchange,
    "recover": _recover,
    "restart": _restart,
    "refresh on": _refresh_on,
    "rekey": _rekey,
}

if __name__ == "__main__":
    main()
