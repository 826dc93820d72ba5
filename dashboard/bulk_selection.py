"""Which registrations, and what to do with them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.environments import environment_name
from core.i18n import N_, _, ngettext
from core.registrations.bulk import NEEDS, BulkAction, change_many, request_checks, rows_for_bulk
from core.registrations.listing import RegistrationQuery, RegistrationRow
from core.registrations.wording import called, setting_word, status_word
from dashboard import bulk_outcome, signin
from dashboard.feedback import attempt, draw_not_kept
from dashboard.markdown import plain
from dashboard.people_choices import owners

BUTTONS = {
    BulkAction.CHECK: (N_("Check"), ":material/sync:"),
    BulkAction.PAUSE: (N_("Pause"), ":material/pause:"),
    BulkAction.RESUME: (N_("Resume"), ":material/play_arrow:"),
    BulkAction.OWNER: (N_("Change owner"), ":material/person:"),
}
QUESTIONS = {
    BulkAction.PAUSE: N_("Their connection setting becomes not active; the consents are only kept alive."),
    BulkAction.RESUME: N_("Their connection setting becomes Active, and they are checked every day again."),
    BulkAction.OWNER: N_("Who looks after these customers from now on?"),
}


ROWS = "bulk_rows"
_SHOWN = "bulk_shown"


def rows_on_screen(app: Application, by: CurrentOperator, query: RegistrationQuery) -> list[RegistrationRow]:
    """What ``query`` matched when the page was opened: a box is known by its place, so no row may come in between."""
    kept = st.session_state.get(_SHOWN)
    if ROWS not in st.session_state or kept is None or kept[0] != query:
        kept = st.session_state[_SHOWN] = (query, rows_for_bulk(app, by, query))
    rows: list[RegistrationRow] = kept[1]
    return rows


def draw(rows: Sequence[RegistrationRow]) -> list[RegistrationRow]:
    """The rows with a box before each; the ones that are ticked."""
    picked = st.dataframe(
        {
            _("Name"): [called(row.name) for row in rows],
            _("Environment"): [environment_name(row.environment) for row in rows],
            _("Status"): [status_word(row.status) for row in rows],
            _("Setting"): [setting_word(row.active, row.status) for row in rows],
            _("Owner"): [row.owner_name for row in rows],
        },
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=ROWS,
        alt=_("Registrations to choose from"),
    )
    draw_not_kept()
    return [rows[number] for number in picked["selection"]["rows"] if number < len(rows)]


def draw_actions(app: Application, by: CurrentOperator, rows: Sequence[RegistrationRow]) -> None:
    """A button for each thing that the role permits; none works before something is ticked."""
    with st.container(horizontal=True):
        for action, (label, icon) in BUTTONS.items():
            if by.may(NEEDS[action]) and st.button(
                _(label), key=f"bulk_{action}", icon=icon, disabled=not rows
            ):
                _begin(app, by, action, rows)


def _begin(
    app: Application, by: CurrentOperator, action: BulkAction, rows: Sequence[RegistrationRow]
) -> None:
    if action is not BulkAction.CHECK:
        _confirm(app, action, rows)
        return
    with attempt():
        bulk_outcome.watch_checks([row.id for row in rows], request_checks(app, by, rows))
        st.rerun()


def _confirm(app: Application, action: BulkAction, rows: Sequence[RegistrationRow]) -> None:
    label, named = _(BUTTONS[action][0]), owners(app, _("Without owner"))

    @st.dialog(label, icon=BUTTONS[action][1])
    def dialog() -> None:
        by = signin.current()
        st.markdown(
            ngettext("{count} registration: {names}", "{count} registrations: {names}", len(rows)).format(
                count=len(rows), names=_names(rows)
            )
        )
        st.markdown(_(QUESTIONS[action]))
        owner_id = _choose_owner(named) if action is BulkAction.OWNER else None
        if st.button(label, key="bulk_confirm", type="primary"):
            with attempt():
                _work(app, by, action, rows, owner_id)
                st.rerun()

    dialog()


def _choose_owner(named: dict[int, str]) -> int | None:
    chosen = st.selectbox(_("Owner"), list(named), format_func=named.__getitem__, key="bulk_owner")
    return chosen or None


def _work(
    app: Application,
    by: CurrentOperator,
    action: BulkAction,
    rows: Sequence[RegistrationRow],
    owner_id: int | None,
) -> None:
    """One after the other, with a bar; what has been done stays done when the page is left."""
    results = bulk_outcome.keep([])
    bar = st.progress(0.0)
    for result in change_many(app, by, action, rows, owner_id):
        results.append(result)
        bar.progress(len(results) / len(rows), text=plain(result.name))


def _names(rows: Sequence[RegistrationRow], most: int = 8) -> str:
    shown = ", ".join(f"**{plain(called(row.name))}**" for row in rows[:most])
    return shown + (" …" if len(rows) > most else "")
