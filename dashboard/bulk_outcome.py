"""How it went with each registration; checks are watched while they come in, and go on when the page is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import N_, _
from core.registrations.bulk import RowResult, RowState, check_results
from dashboard import signin
from dashboard.html_table import Column, draw_table, link
from dashboard.navigation import address

RESULTS = "bulk_results"
CHECKS = "bulk_checks"
EVERY = timedelta(seconds=2)
WORDS = {RowState.WAITING: N_("Waiting"), RowState.DONE: N_("Done"), RowState.FAILED: N_("Not done")}
CHECK_WORDS = WORDS | {
    RowState.DONE: N_("Answered"),
    RowState.FAILED: N_("Needs attention"),
    RowState.PASSING: N_("We try again"),
    RowState.SKIPPED: N_("Not checked"),
}


def keep(results: list[RowResult]) -> list[RowResult]:
    """Remember the outcomes for the next draw; the same list, to be filled."""
    st.session_state[RESULTS] = results
    return results


def watch_checks(numbers: Sequence[int], since: datetime) -> None:
    """Remember which checks were asked for, and when."""
    st.session_state[CHECKS] = (tuple(numbers), since)


def draw(app: Application, by: CurrentOperator) -> bool:
    """Draw the outcome of what was asked last; whether there was anything."""
    if CHECKS in st.session_state:
        numbers, since = st.session_state[CHECKS]
        _draw_checks(app, numbers, since)
    elif RESULTS in st.session_state:
        _draw_results(st.session_state[RESULTS], WORDS)
    else:
        return False
    if st.button(_("Choose again"), key="bulk_again", icon=":material/arrow_back:"):
        for key in (CHECKS, RESULTS):
            st.session_state.pop(key, None)
        st.rerun()
    return True


def _draw_checks(app: Application, numbers: tuple[int, ...], since: datetime) -> None:
    waiting = any(
        result.state is RowState.WAITING for result in check_results(app, signin.current(), numbers, since)
    )

    @st.fragment(run_every=EVERY if waiting else None)
    def progress() -> None:
        results = check_results(app, signin.current(), numbers, since)
        done = sum(result.state is not RowState.WAITING for result in results)
        st.progress(
            done / len(results) if results else 1.0,
            text=_("{done} of {count} checked. You may leave this page: the checks go on.").format(
                done=done, count=len(results)
            ),
        )
        _draw_results(results, CHECK_WORDS)
        if waiting and done == len(results):
            st.rerun()

    progress()


def _draw_results(results: Sequence[RowResult], words: dict[RowState, str]) -> None:
    counts = Counter(result.state for result in results)
    named = {state: _(words[state]) for state in RowState if counts[state]}
    st.markdown(" · ".join(f"{word}: **{counts[state]}**" for state, word in named.items()))
    columns = [Column(_("Name"), "name"), Column(_("Outcome")), Column(_("Remark"), "name")]
    # What did not go well stands first.
    order = [RowState.FAILED, RowState.PASSING, RowState.WAITING, RowState.DONE, RowState.SKIPPED]
    ranked = sorted(results, key=lambda result: order.index(result.state))
    draw_table(columns, (_line(result, words) for result in ranked), _("Outcome for each registration"))


def _line(result: RowResult, words: dict[RowState, str]) -> tuple[str, ...]:
    where = f"{address('registration')}?id={result.registration_id}"
    return link(where, result.name), escape(_(words[result.state])), escape(result.message)
