"""Nothing that is written down gives a secret away, forges a line, or steers a terminal."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from core.logs import Format, RedactingFormatter, begin_service, hand_over, set_up
from core.redaction import Redaction, secrets_of, visible
from core.settings import ExactApp, Settings
from core.tokens.secrets import new_token
from core.tokens.vault import Vault

CANARY = "k4n4rie-Voorbeeld"
KEY = Vault.generate_key()

SAID = [
    f"Authorization: Bearer {CANARY}",
    f"{{'Authorization': 'Basic {CANARY}'}}",
    f"sent bearer {CANARY} along",
    f"POST /token refresh_token={CANARY}&grant_type=x",
    f"GET /exact/callback?code={CANARY}&state=b",
    f"GET /exact/callback?state={CANARY}",
    f"/session/start?ticket={CANARY}",
    f"callback%3Fcode%3D{CANARY}",
    f"code={CANARY}",
    f'{{"access_token":"{CANARY}","expires_in":"600"}}',
    f'{{"code": "{CANARY}"}}',
    f"{{'client_secret': '{CANARY}'}}",
    f"client_secret = '{CANARY} with a blank'",
    f"password: {CANARY}",
    f'password="half open {CANARY}',
    f"current_password={CANARY}&again={CANARY}",
    f"Cookie: a=b; clickker_session={CANARY}",
    f"Set-Cookie: x={CANARY}; HttpOnly",
    f"__Host-clickker_session={CANARY}; b=c",
    f"_streamlit_user={CANARY}",
    f"https://host/invitation/{CANARY}?x=1",
    f"https://host/customer/{CANARY}",
    f"postgresql://user:{CANARY}@host/name",
    f"eyJhbGciOi.{CANARY}.sig",
    f"recovery_code={CANARY}",
    f"X-Api-Key: {CANARY}",
    f"code_verifier={CANARY}",
]


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize("said", SAID)
def test_check_16_a_secret_is_known_by_what_stands_around_it(said: str, format: Format) -> None:
    assert CANARY not in written("%s", said, format=format)


def test_check_16_what_we_draw_is_known_by_its_shape() -> None:
    for _round in range(50):
        token = new_token()
        if any(c.isdigit() for c in token) and any(c.isupper() for c in token):
            assert token not in written(f"somebody wrote {token} here")
    assert KEY not in written(f"a key: {KEY}!")


def test_check_16_the_secrets_of_the_settings_are_known_by_value() -> None:
    settings = Settings(
        encryption_keys=SecretStr(f"{KEY},{CANARY}-old"),
        database_url=SecretStr("postgresql://user:db-pass-word@host/name"),
        exact={"nl": ExactApp(client_id="id", client_secret=SecretStr("sec ret&=+"))},
        alarm_support=SecretStr("mailtos://user:mail-pass@mail.example.com"),
    )
    told = written(
        f"{KEY} {CANARY}-old db-pass-word sec ret&=+ sec%20ret%26%3D%2B mail-pass",
        secrets=secrets_of(settings),
    )
    assert told.count("***") == 6
    assert not any(secret in told for secret in (CANARY, "db-pass-word", "ret&", "ret%26", "mail-pass"))


@pytest.mark.parametrize(
    "level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
)
@pytest.mark.parametrize("format", ["json", "text"])
def test_check_16_an_exception_and_its_causes_are_read_as_well(format: Format, level: int) -> None:
    cause = ValueError(f"refresh_token={CANARY}")
    error = RuntimeError(f"Bearer {CANARY}")
    error.__cause__ = cause
    told = written("it failed", level=level, exc_info=error, format=format)
    assert "RuntimeError" in told
    assert "ValueError" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    "harmless",
    [
        "status code: 500, exit code=1",
        "state of the keeper: at work",
        "the code is in dashboard/middleware.py:120",
        "Refused a WebSocket from origin 'http://evil.example'",
        "GET /customer/thanks",
        "a0b1c2d3-0000-4000-8000-00000c11c4e2",
    ],
)
def test_what_helps_stays(harmless: str) -> None:
    assert harmless in json.loads(written(harmless))["message"]


STEERING = [
    "\n2026 ERROR forged",
    "\r\nforged",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\u200bzero",
    "\x00",
    "\x85",
    "\u2028",
]


@pytest.mark.parametrize("steering", STEERING)
@pytest.mark.parametrize("format", ["json", "text"])
def test_check_18_nothing_forges_a_line_or_steers_a_terminal(steering: str, format: Format) -> None:
    told = written("A customer called %s", f"Bakker{steering}", format=format).removesuffix("\n")
    assert len(told.splitlines()) == 1
    assert steering[0] not in told
    assert visible(steering[0]) in (json.loads(told)["message"] if format == "json" else told)


def test_check_18_an_exception_that_quotes_a_line_stays_indented() -> None:
    error = ValueError("x\n2026-01-01T00:00:00.000Z ERROR clickker: forged")
    told = written("it failed", exc_info=error, format="text")
    assert all(line.startswith("    ") for line in told.splitlines()[1:])


def test_a_line_of_json_has_its_parts() -> None:
    told = json.loads(written("Page failed, reference %s", "ab12", extra={"reference": "ab12"}))
    assert told["reference"] == "ab12"
    assert told["level"] == "warning"
    assert told["logger"] == "test"
    assert told["at"].endswith("Z")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_service_tells_the_head_of_the_audit_log_and_a_demo_does_not(
    quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("text")
    begin_service(quiet=quiet)
    logging.getLogger("clickker.audit").info("audit head 1")
    logging.getLogger("clickker.audit").warning("cannot be written")
    told = capsys.readouterr().err
    assert ("audit head" in told, "cannot be written" in told) == (not quiet, True)


def test_arguments_that_do_not_fit_cost_no_line() -> None:
    assert "%d apples" in written("%d apples", "many")


@pytest.fixture
def quiet() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@pytest.mark.parametrize(
    "name",
    [
        "uvicorn.error",
        "uvicorn.access",
        "streamlit.runtime",
        "sqlalchemy.engine",
        "httpx",
        "authlib",
        "asyncio",
    ],
)
def test_check_16_every_library_writes_through_the_same_formatter(
    quiet: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    theirs = logging.StreamHandler(told)
    library = logging.getLogger(name)
    monkeypatch.setattr(library, "handlers", [theirs])
    monkeypatch.setattr(library, "propagate", False)
    set_up("json")
    library.error("GET /x?code=%s", CANARY)
    hand_over(library)
    assert CANARY not in told.getvalue()
    [line] = told.getvalue().splitlines()
    assert json.loads(line)["logger"] == name


def written(
    message: str,
    *arguments: object,
    level: int = logging.WARNING,
    format: Format = "json",
    secrets: tuple[str, ...] = (),
    **more: object,
) -> str:
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(RedactingFormatter(format, Redaction(secrets)))
    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(handler)
    logger.log(level, message, *arguments, **more)  # type: ignore[arg-type]
    return told.getvalue()
