"""How long a wrong password takes, for accounts that are there and for others: ``python -m tests.bench.sign_in``.

Told apart by time, accounts could be collected without knowing one password (check 20: medians within 10 %). That the
same work is done is a test, ``tests/security/test_sign_in.py``; here are the times, which no test judges.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from itertools import count
from statistics import median

from pydantic import SecretStr

from core.accounts.invitations import invite
from core.accounts.lockout import forget_failures
from core.accounts.operator_list import operator_called
from core.accounts.operators import add_operator, disable
from core.accounts.passwords import dummy_hash, verify_password
from core.accounts.roles import Role
from core.accounts.signing_in import find_candidate, refuse_candidate
from core.application import Application, build
from core.settings import Settings
from core.storage.schema import upgrade
from core.tokens.vault import Vault

ROUNDS = 25
PASSWORD = "a herring in the tea"
_addresses = count(1)


def measure(app: Application, rounds: int) -> dict[str, float]:
    """Milliseconds by kind of account, medians; in another order each round, so that a busy moment hits all of them."""
    add_operator(app, "known@clickker.test", "Known", Role.SUPPORT, PASSWORD)
    add_operator(app, "gone@clickker.test", "Gone", Role.SUPPORT, PASSWORD)
    disable(app, None, operator_called(app, "gone@clickker.test").id)
    invite(app, None, "invited@clickker.test", "Invited", Role.SUPPORT)
    dummy_hash()  # made when the server starts
    took: dict[str, list[float]] = {kind: [] for kind in ("known", "nobody", "gone", "invited")}
    for _round in range(rounds):
        for kind in random.sample(sorted(took), len(took)):
            began = time.perf_counter()
            _try(app, f"{kind}@clickker.test")
            took[kind].append(1_000 * (time.perf_counter() - began))
            _forget(app)
    return {kind: median(times) for kind, times in took.items()}


def _try(app: Application, email: str) -> None:
    address = f"198.51.100.{next(_addresses) % 250}"
    candidate = find_candidate(app, email, address, None)
    verify_password("another herring", candidate.password_hash)
    refuse_candidate(app, candidate, address)


def _forget(app: Application) -> None:
    """Else the lock would end the measuring after five."""
    with app.database.transaction() as session:
        for kind in ("known", "nobody", "gone", "invited"):
            forget_failures(session, f"{kind}@clickker.test")


def main() -> None:
    """Print the medians and how far each is from the known account's."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=SecretStr(f"sqlite:///{folder}/bench.db"),
            encryption_keys=SecretStr(Vault.generate_key()),
            journal_dir=f"{folder}/journal",
        )
        app = build(settings)
        try:
            upgrade(app.database)
            medians = measure(app, ROUNDS)
        finally:
            app.exact.close()
            app.journal.close()
            app.database.dispose()
    for kind, milliseconds in medians.items():
        apart = milliseconds / medians["known"] - 1
        sys.stdout.write(f"{kind:8} {milliseconds:7.1f} ms {apart:+.1%}\n")


if __name__ == "__main__":
    main()
