"""Time passes, and things go wrong."""

from __future__ import annotations

from datetime import timedelta

from core.accounts.key_rotation import rotate_keys
from core.registrations.recovery import recover_chains, replay_journal
from tests.world.choice import DAY, HOUR, MINUTE, Choice, where
from tests.world.exact import (
    API_ENDPOINTS,
    API_FAULTS,
    NETWORK,
    REFUSALS,
    SLOW_SECONDS,
    TOKEN_FAULTS,
    Slow,
    inject,
)
from tests.world.life import Life


def nothing(_life: Life, _choice: Choice) -> None:
    """So that a shorter story has as many lines."""


def minutes_pass(life: Life, choice: Choice) -> None:
    seconds = (20.0, MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 11 * MINUTE, 20 * MINUTE, 40 * MINUTE)
    waits(life, seconds[choice.how % 8])


def hours_pass(life: Life, choice: Choice) -> None:
    waits(life, (HOUR, 2 * HOUR, 3 * HOUR, 5 * HOUR, 8 * HOUR, 12 * HOUR)[choice.how % 6])


def days_pass(life: Life, choice: Choice) -> None:
    waits(life, (DAY, 2 * DAY, 4 * DAY, 8 * DAY)[choice.how % 4])


def waits(life: Life, seconds: float) -> None:
    life.tell(f"{timedelta(seconds=seconds)} pass")
    life.wait(seconds)


def nobody_works(life: Life, choice: Choice) -> None:
    """A day, or a month, without any process."""
    days = (1, 1, 2, 9, 33)[choice.how % 5]
    life.tell(f"{days} days without any process")
    for name in list(life.made.running):
        life.made.stop(name)
    life.hub.advance(life.hub.time + timedelta(days=days))
    for name in ("one", "two"):
        life.made.start(name)
    life.kept_since = life.hub.time


def the_keeper_looks(life: Life, choice: Choice) -> None:
    running = where(life, choice)
    life.turn(running, choice.hold)


def the_held_go_on(life: Life, _choice: Choice) -> None:
    if life.hub.tasks:
        life.tell("whoever was held goes on")
        life.hub.release()
        life.made.reap()


def a_process_ends(life: Life, choice: Choice) -> None:
    running = where(life, choice)
    life.tell(f"process {running.process.name} is killed")
    running.process.alive = False
    life.made.reap()


def the_token_address_fails(life: Life, choice: Choice) -> None:
    if life.wire.next or life.engine.pending_faults():
        return
    kind = TOKEN_FAULTS[(choice.which + 8 * choice.how) % len(TOKEN_FAULTS)]
    inject(kind, life.wire)
    life.trouble(f"the token address will fail: {kind.name}")


def good_tokens_are_refused(life: Life, choice: Choice) -> None:
    """Exact has refused good tokens, once in a while; not for hours."""
    if life.wire.next or life.engine.pending_faults() or life.refused_lately():
        return
    inject(REFUSALS[choice.how % len(REFUSALS)], life.wire)
    life.trouble("Exact will refuse a good token")


def the_api_fails(life: Life, choice: Choice) -> None:
    name = API_FAULTS[choice.how % len(API_FAULTS)]
    endpoint = API_ENDPOINTS[choice.which % 3]
    if life.engine.pending_faults():
        return
    life.engine.add_fault(name, times=(1, 2, 4, 12)[choice.who % 4], endpoint=endpoint)
    life.trouble(f"{endpoint} will fail: {name}")


def an_answer_is_slow(life: Life, choice: Choice) -> None:
    endpoint = ("me", "token", "divisions", "me")[choice.which % 4]
    seconds = SLOW_SECONDS[choice.how % len(SLOW_SECONDS)]
    life.wire.trouble.slow = [Slow(endpoint, seconds)]
    life.trouble(f"{endpoint} will take {seconds:.0f} s")


def the_network_fails(life: Life, choice: Choice) -> None:
    endpoint, name = ("token", *API_ENDPOINTS)[choice.which % 4], NETWORK[choice.how % len(NETWORK)]
    life.wire.trouble.network = [(endpoint, name)]
    life.trouble(f"the network fails {endpoint}: {name}")


def the_network_is_down(life: Life, choice: Choice) -> None:
    hours = (0.1, 0.5, 3.0, 9.0, 30.0)[choice.how % 5]
    life.wire.trouble.down = True
    life.trouble(f"for {hours} h nothing reaches Exact")
    life.later(hours, "Exact can be reached again", lambda: setattr(life.wire.trouble, "down", False))


def the_journal_breaks(life: Life, choice: Choice) -> None:
    hours, broken = (0.2, 2.0, 12.0)[choice.how % 3], life.made.disk.broken
    names = {"one", "two"} if life.made.store.is_sqlite else {sorted(life.made.running)[choice.which % 2]}
    broken |= names
    life.trouble(f"for {hours} h the journal of {', '.join(sorted(names))} cannot be written")
    life.later(hours, "the journal can be written again", broken.clear)


def the_database_is_locked(life: Life, _choice: Choice) -> None:
    if life.made.store.is_sqlite:
        life.made.writers["locked"] = life.hub.time + timedelta(seconds=40)
        life.trouble("somebody else holds the database for 40 s")


def the_clock_is_off(life: Life, choice: Choice) -> None:
    hours, names = (1.0, -1.0)[choice.how % 2], sorted(life.made.running)
    life.made.set_clock(names if life.made.store.is_sqlite else [names[choice.which % 2]], hours)
    life.trouble(f"the clock is {hours:+.0f} h off")
    life.later(
        (0.5, 6.0)[choice.how // 2 % 2], "the clock is right again", lambda: life.made.set_clock(names, 0)
    )


def the_mail_fails(life: Life, choice: Choice) -> None:
    life.made.post.down = True
    life.tell("alarms do not get out")
    life.later(
        (1.0, 20.0)[choice.how % 2], "alarms get out again", lambda: setattr(life.made.post, "down", False)
    )


def keys_change(life: Life, _choice: Choice) -> None:
    if not life.hub.quiet or life.made.keys.count(",") > 1:
        return
    life.made.new_key()
    running = life.made.running["one"]
    life.act("the keys are rotated", running, lambda: rotate_keys(running.app, None))


def a_backup_is_made(life: Life, _choice: Choice) -> None:
    if life.hub.quiet:
        life.made.save()
        life.remember_backup()
        life.tell("a backup is made")


def the_backup_is_restored(life: Life, _choice: Choice) -> None:
    """As the manual says: put back, then ``clickker tokens recover`` on each machine, then work."""
    if not life.made.saved or life.backup_is_old():
        return
    life.hub.release()
    life.made.restore()
    life.forget_since_backup()
    life.tell("the backup is restored")
    for running in list(life.made.running.values()):
        life.act(
            "clickker tokens recover",
            running,
            lambda app=running.app: (replay_journal(app), recover_chains(app)),  # type: ignore[misc]
        )
