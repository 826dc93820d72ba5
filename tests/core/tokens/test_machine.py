"""The promises of the protocol, held against whatever order of events Hypothesis finds: real code, real SQLite.

``make soak`` looks much longer than ``make test``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch
from urllib.parse import parse_qs

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.application import Application
from core.errors import NotFound, SettingsError
from core.exact.errors import ExactError
from core.storage.models import Grant
from core.tokens import lineage, rotation, spending
from core.tokens.facts import grant_is_dead, in_quiet_hour
from core.tokens.grants import wipe_pair
from core.tokens.replaying import recover_all, replay
from core.tokens.rotation import access_token, keep_alive
from core.tokens.slots import Slot
from core.tokens.vault import Vault
from tests.support.worlds import World, world

LONG = bool(os.environ.get("SOAK"))
USERS = ("test@testbv.example", "info@bakkerbv.example")
WHO = st.integers(0, len(USERS) - 1)
PASSES = st.sampled_from([1, 16, 240, 571, 601, 3600, 7201, 14_401, 86_400, 7 * 86_400])
REFUSALS = ("invalid_grant", "old_token")
FAULTS = st.sampled_from(
    [
        *(
            "drop",
            "unavailable",
            "server_error",
            "maintenance",
            "rate_limited",
            "rate_limited_bare",
            "false_400",
        ),
        *(
            "too_early",
            "unauthorized",
            "redirect",
            "cut",
            "truncated_json",
            "rotate_then_drop",
            "rotate_then_500",
        ),
        *("rotate_then_maintenance", "without_refresh_token", *REFUSALS),
    ]
)
POINTS = {
    "before the intent": (spending, "take_lease", "instead"),
    "after the intent": (spending, "take_lease", "afterwards"),
    "before the slot is written": (Slot, "write", "instead"),
    "after the slot is written": (Slot, "write", "afterwards"),
    "before the commit": (spending, "land", "instead"),
    "after the commit": (lineage, "_commit", "afterwards"),
    "before it is archived": (spending, "archive", "instead"),
    "before the slot is free": (Slot, "clear", "instead"),
}


class Killed(BaseException):
    """Stands in for the end of the process: nothing of ours catches it."""


class Promises(RuleBasedStateMachine):
    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copyfile(self.template, self.folder / "test.db")
        self.world = self.stack.enter_context(world(self.folder, f"sqlite:///{self.folder / 'test.db'}"))
        self.stack.enter_context(patch.object(rotation, "sleep", self.wait_for_the_dead))
        self.world.wire.before_sending = self.check_intent
        self.engine, self.wire = self.world.engine, self.world.wire
        self.keys = self.world.app.settings.encryption_keys.get_secret_value()
        self.newest: dict[int, int] = {}
        self.connected: set[int] = set()
        self.lost: set[str] = set()

    @initialize()
    def connect(self) -> None:
        self.grants = [self.world.connect(user) for user in USERS]
        self.connected = {0, 1}

    def teardown(self) -> None:
        try:
            self.check_files()
        finally:
            self.stack.close()

    # --- What happens ---------------------------------------------------------------------------------------

    @rule(seconds=PASSES)
    def time_passes(self, seconds: int) -> None:
        self.world.advance(seconds)

    @rule(who=WHO, alive=st.booleans())
    def want_a_token(self, who: int, alive: bool) -> None:
        try:
            if alive:
                keep_alive(self.world.app, self.grants[who])
            else:
                access_token(self.world.app, self.grants[who])
        except (ExactError, SettingsError, NotFound):
            return

    @rule(who=WHO, seconds=st.sampled_from([601, 7201]))
    def want_one_when_it_has_ended(self, who: int, seconds: int) -> None:
        self.world.advance(seconds)
        self.want_a_token(who, False)

    @rule(name=FAULTS)
    def something_goes_wrong_next(self, name: str) -> None:
        """Good tokens are refused in the doubtful hour alone: nothing could tell more of them from a withdrawal."""
        if name not in REFUSALS or in_quiet_hour(self.world.app.settings, self.world.now()):
            self.engine.clear_faults()
            self.engine.add_fault(name, endpoint="token")

    @rule(minutes=st.integers(0, 59))
    def it_is_the_doubtful_hour(self, minutes: int) -> None:
        now = self.world.now()
        night = now.replace(hour=0, minute=minutes) + timedelta(days=1)
        night += timedelta(hours=0 if in_quiet_hour(self.world.app.settings, night) else -1)
        self.world.advance((night - now).total_seconds())
        assert in_quiet_hour(self.world.app.settings, self.world.now())
        self.engine.clear_faults()
        self.engine.add_fault("invalid_grant", endpoint="token")

    @rule(who=WHO, point=st.sampled_from(sorted(POINTS)))
    def the_process_dies(self, who: int, point: str) -> None:
        before = self.world.live(USERS[who])
        self.world.advance(601)
        place, name, when = POINTS[point]
        original = getattr(place, name)

        def dying(*arguments: Any, **named: Any) -> Any:
            if when == "afterwards":
                original(*arguments, **named)
            raise Killed

        with patch.object(place, name, dying), suppress(Killed):
            self.want_a_token(who, False)
        if point == "before the slot is written":  # the window that no protocol closes
            self.lost |= self.world.live(USERS[who]) - before
        self.restart(self.keys)

    @rule()
    def it_is_replayed(self) -> None:
        replay(self.world.app)
        recover_all(self.world.app)
        before = [vars(self.world.row(grant_id)).copy() for grant_id in self.grants]
        assert (replay(self.world.app), recover_all(self.world.app)) == (0, 0)
        after = [vars(self.world.row(grant_id)).copy() for grant_id in self.grants]
        for one, other in zip(before, after, strict=True):
            one.pop("_sa_instance_state"), other.pop("_sa_instance_state")
        assert before == after

    @rule()
    def keys_change(self) -> None:
        self.restart(",".join([Vault.generate_key(), self.keys]))

    @rule(who=WHO)
    def the_customer_consents_anew(self, who: int) -> None:
        self.engine.clear_faults()
        self.world.consent_again(self.grants[who], USERS[who])
        self.connected.add(who)

    @rule(who=WHO)
    def the_customer_withdraws(self, who: int) -> None:
        self.engine.revoke("nl", USERS[who])

    @rule(who=WHO)
    def the_customer_narrows(self, who: int) -> None:
        try:
            self.engine.set_scope("nl", USERS[who], [])
        except LookupError:
            return

    @rule(hours=st.sampled_from([-1, 1]))
    def the_clocks_part(self, hours: int) -> None:
        offset = self.engine.clock.offset + timedelta(hours=hours)
        self.engine.clock.offset = max(-timedelta(hours=1), min(offset, timedelta(hours=1)))

    @rule(who=WHO)
    def an_operator_disconnects(self, who: int) -> None:
        with self.world.app.database.transaction() as session:
            wipe_pair(session.get_one(Grant, self.grants[who]))
        self.world.app.journal.forget([self.grants[who]])
        self.connected.discard(who)

    def wait_for_the_dead(self, _seconds: float) -> None:
        """Nobody is alive who holds a lease: it runs out."""
        self.world.advance(self.world.app.settings.lease.total_seconds())

    def restart(self, keys: str) -> None:
        """The process starts again; what it had in memory is gone, and it holds no lock."""
        self.keys = keys
        old = self.world.app
        old.journal.close()
        app = Application(old.settings, old.database, Vault(keys), old.exact)
        self.world = World(app, self.engine, self.wire)

    # --- What always holds ----------------------------------------------------------------------------------

    def check_intent(self, request: httpx.Request) -> None:
        """Called when a spend is about to leave."""
        token = parse_qs(request.content.decode()).get("refresh_token", [""])[0]
        if not token:
            return
        rows = [self.world.row(grant_id) for grant_id in self.grants]
        row = next(row for row in rows if row.fingerprint and self.world.held(row.id) == token)
        assert row.intent_fingerprint == row.fingerprint
        assert row.lease_owner
        assert row.lease_until is not None
        assert row.lease_until > self.world.now()

    @invariant()
    def one_spend_at_most_is_in_flight(self) -> None:
        assert self.wire.most_in_flight <= 1

    @invariant()
    def no_successor_is_dropped(self) -> None:
        for who in self.connected:
            alive = (self.world.live(USERS[who]) & self.wire.delivered) - self.lost
            if alive:
                known = self.world.kept(self.grants[who])
                assert all(token in known for token in alive)

    @invariant()
    def no_token_is_overwritten_by_an_older_one(self) -> None:
        numbers = {issued.refresh_token: issued.number for issued in self.engine.journal()}
        for who in self.connected:
            number = numbers.get(self.world.held(self.grants[who]), 0)
            assert number >= self.newest.get(who, 0)
            self.newest[who] = number

    @invariant()
    def dead_means_dead(self) -> None:
        for who in self.connected:
            row = self.world.row(self.grants[who])
            if not grant_is_dead(row):
                continue
            token = self.world.held(row.id)
            assert token not in self.world.live(USERS[who])
            moments = [at for at, body in self.wire.refused if parse_qs(body).get("refresh_token") == [token]]
            assert len(moments) >= 3
            assert moments[-1] - moments[0] >= timedelta(hours=2)
            assert not list(self.world.app.journal.slots.left_behind())

    def check_files(self) -> None:
        """No token lies in a file in plain text."""
        tokens = {t.encode() for i in self.engine.journal() for t in (i.access_token, i.refresh_token)}
        for path in self.folder.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert not [token for token in tokens if token in content], path.name


def test_the_promises_hold_in_every_order(sqlite_template: Path) -> None:
    Promises.template = sqlite_template
    run_state_machine_as_test(
        Promises,
        settings=settings(
            max_examples=600 if LONG else 10,
            stateful_step_count=50 if LONG else 30,
            derandomize=not LONG,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
