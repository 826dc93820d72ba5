"""The mends of faults that lay where parts meet, each undone again: lives must find it."""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from core.registrations import (
    abandoned,
    callback,
    grants,
    incident_rules,
    owners,
    rounds,
    settle,
    status,
    takeover,
    user_lists,
    withdrawing,
)
from core.tokens import chains, facts, spending


@dataclass(frozen=True)
class Edit:
    """In one function, some text becomes another; an empty one takes it out."""

    function: Callable[..., Any]
    old: str
    new: str = ""


BREAKAGES: dict[str, tuple[Edit, ...]] = {
    "1 an older consent takes the place of a younger": (
        Edit(chains.is_younger, "return _began(one) > _began(other)", "return True"),
    ),
    "2 the wrong country's consent is used": (
        Edit(withdrawing.change_environment, "withdraw_attempts(session, row.id, clock.now())", "pass"),
        Edit(withdrawing.change_environment, "set_candidate(session, app, row, None)", "pass"),
        Edit(withdrawing.how_ended, "if session.scalar(moved) is not None:", "if False:"),
        Edit(callback._close, " or registration.environment != accepted.environment"),
        Edit(takeover.await_decision, ", Registration.environment == spend.environment"),
        Edit(
            takeover._attach_candidate,
            "if candidate.environment != registration.environment:",
            "if False:",
        ),
        Edit(grants.attach_grant, "if grant.environment != registration.environment:", "if False:"),
    ),
    "3 nobody asks whose a consent is": (
        Edit(takeover.await_decision, "look_soon(row, clock.now())", "pass"),
        Edit(settle.settle, ", unidentified=facts.unidentified"),
    ),
    "3 an attempt that was left is never ended": (
        Edit(
            abandoned.end_abandoned,
            "for consent_id, registration_id in found:",
            "for consent_id, registration_id in []:",
        ),
    ),
    "4 many who withdraw are Exact's outage": (
        Edit(incident_rules.end_of, "doubted = family == Family.REFUSAL and age >= DOUBT", "doubted = False"),
        Edit(facts.refusals_after, "if many and now - since < DOUBT:", "if many:"),
    ),
    "5 our own journal is Exact's outage": (
        Edit(spending.journal_full, "FailureKind.OURS", "FailureKind.NOT_SENT"),
    ),
    "6 choosing is asked for on a consent that is dead": (
        Edit(
            status.derive,
            "ended = _before_consent(facts, now) or _without_consent(facts, now)",
            "ended = _before_consent(facts, now) or _before_choice(facts, now)",
        ),
        Edit(
            status.derive,
            "return ended or _before_choice(facts, now) or _after_choice(facts, now)",
            "return ended or _without_consent(facts, now) or _after_choice(facts, now)",
        ),
        Edit(
            status._before_choice,
            "if facts.failing_since_success and not (facts.listed and facts.passing):",
            "if False:",
        ),
    ),
    "7 a refused token is the administration's fault": (
        Edit(rounds.Round._token, "raise _NoToken(error) from None", "raise error from None"),
        Edit(
            rounds.Round._answer_of,
            "if error.kind not in OF_AN_ADMINISTRATION:",
            "if error.kind.value == 'outage':",
        ),
    ),
    "8 a list that was refused is asked again": (
        Edit(user_lists.user_divisions, "if _is_refused(app, environment, pages.grant_id):", "if False:"),
    ),
    "9 statuses are derived without a lock": (Edit(settle.settle_due, ".with_for_update(skip_locked=True)"),),
    "10 nameless consents are asked without end": (
        Edit(owners._put_off, "now = clock.now()", "return"),
        Edit(owners.ask_whose, ", budget)", ")"),
    ),
}


@contextmanager
def broken_again(name: str) -> Iterator[None]:
    """Undo one mend for the length of the block."""
    with ExitStack() as stack:
        edits: dict[Callable[..., Any], list[Edit]] = {}
        for edit in BREAKAGES[name]:
            edits.setdefault(edit.function, []).append(edit)
        for function, wanted in edits.items():
            _put(stack, function, _edited(function, wanted))
        yield


def _edited(function: Callable[..., Any], edits: list[Edit]) -> Callable[..., Any]:
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    for edit in edits:
        if source.count(edit.old) != 1:
            raise AssertionError(f"{function.__qualname__} no longer says once: {edit.old}")
        source = source.replace(edit.old, edit.new)
    module = sys.modules[function.__module__]
    made: dict[str, Any] = {}
    code = compile(source, module.__file__ or "", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, module.__dict__, made)  # noqa: S102 - our own source with a few words changed
    changed: Callable[..., Any] = made[function.__name__]
    return changed


def _put(stack: ExitStack, function: Callable[..., Any], changed: Callable[..., Any]) -> None:
    """Wherever the product knows the function by its name."""
    owner, _dot, method = function.__qualname__.rpartition(".")
    if owner:
        stack.enter_context(patch.object(getattr(sys.modules[function.__module__], owner), method, changed))
        return
    for name, module in list(sys.modules.items()):
        if name.startswith(("core.", "dashboard.", "tests.world.")):
            for known, held in list(vars(module).items()):
                if held is function:
                    stack.enter_context(patch.object(module, known, changed))
