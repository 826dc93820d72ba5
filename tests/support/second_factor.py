"""Somebody with an authenticator app."""

from __future__ import annotations

from datetime import timedelta

from pyotp import TOTP

from core import clock
from core.accounts.one_time_codes import STEP_SECONDS
from core.accounts.roles import CurrentOperator
from core.accounts.second_factor import begin_second_factor, complete_second_factor, pending_second_factor
from core.application import Application


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    return TOTP(secret).at(clock.now() + timedelta(seconds=steps * STEP_SECONDS))


def turned_on(app: Application, who: CurrentOperator, password: str) -> tuple[str, tuple[str, ...]]:
    """Turn the second factor on: (secret, recovery codes). The code of this half minute is used up by it."""
    begin_second_factor(app, who, password)
    pending = pending_second_factor(app, who)
    assert pending is not None
    return pending.secret, complete_second_factor(app, who, code_of(pending.secret))
