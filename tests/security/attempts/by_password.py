"""Past the lock: the right password, after five wrong ones, in every way to seem to be somebody else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from core.accounts.lockout import PER_ACCOUNT, PER_ADDRESS, begin_attempt
from core.errors import ClickkerError
from core.tokens.secrets import new_token
from tests.security.attempts.attempt import add, attempt
from tests.security.attempts.world import World
from tests.support.live import PASSWORD

IN = "/session/start?ticket="


def locked(world: World) -> str:
    """The address of somebody whose account is locked."""
    who = world.person("Locked")
    for _round in range(PER_ACCOUNT):
        try:
            begin_attempt(world.live.app, who.email, "203.0.113.1", "a browser")
        except ClickkerError:
            break
    return who.email


def got_in(drawn: str) -> str:
    """Whether the form made a ticket."""
    return "signed in" if IN in drawn else ""


HEADERS = {
    "X-Forwarded-For": "198.51.100.99",
    "X-Real-IP": "198.51.100.99",
    "Forwarded": "for=198.51.100.99",
    "X-Client-IP": "198.51.100.99",
    "CF-Connecting-IP": "198.51.100.99",
    "True-Client-IP": "198.51.100.99",
    "Cookie": f"clickker_browser={new_token()}",
    "User-Agent": "another browser",
}


def _with_header(world: World, name: str, value: str) -> str:
    return got_in(world.sign_in(locked(world), PASSWORD, **{name: value}))


for _name, _value in HEADERS.items():
    add(f"lock-out with another {_name}", partial(_with_header, name=_name, value=_value))

SPELLINGS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "blanks": lambda email: f"  {email}  ",
    "a full-width letter": lambda email: email.replace("l", "\uff4c", 1),
    "an ideographic blank": lambda email: email + "\u3000",
    "a zero width": lambda email: email.replace("@", "\u200b@"),
    "NUL": lambda email: email + "\x00",
    "a tab": lambda email: email + "\t",
}


def _spelt(world: World, spell: Callable[[str], str]) -> str:
    return got_in(world.sign_in(spell(locked(world)), PASSWORD))


for _title, _spell in SPELLINGS.items():
    add(f"lock-out with the address in {_title}", partial(_spelt, spell=_spell))


@attempt("lock-out over parallel sessions")
def _(world: World) -> str:
    email = world.person("Parallel").email
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: world.sign_in(email, f"wrong herring {n}"), range(12)))
    tried = sum("do not belong together" in answer for answer in answers)
    return f"{tried} passwords were tried" if tried > PER_ACCOUNT else ""


@attempt("an address that tries many accounts and forges where it comes from")
def _(world: World) -> str:
    for number in range(PER_ADDRESS):
        try:
            begin_attempt(world.live.app, f"nobody{number}@clickker.test", "localhost", None)
        except ClickkerError:
            break
    other = world.person("Sprayed")
    got = got_in(world.sign_in(other.email, PASSWORD, **{"X-Forwarded-For": "198.51.100.1", "Cookie": "a=b"}))
    with world.live.app.database.transaction() as session:
        from sqlalchemy import delete

        from core.storage.models import SignInFailure

        session.execute(delete(SignInFailure).where(SignInFailure.address == "localhost"))
    return got


@attempt("no password")
def _(world: World) -> str:
    return got_in(world.sign_in(world.person("Alice").email, ""))


@attempt("a password longer than bcrypt reads")
def _(world: World) -> str:
    return got_in(world.sign_in(world.person("Alice").email, PASSWORD + "\x00" + "x" * 80))


@attempt("the password of the stand-in for nobody")
def _(world: World) -> str:
    return got_in(world.sign_in("nobody@clickker.test", PASSWORD)) or got_in(
        world.sign_in("nobody@clickker.test", "-")
    )
