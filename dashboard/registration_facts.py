"""What is known of a registration, as a list of plain words."""

from __future__ import annotations

import streamlit as st

from core.exact.environments import environment_name
from core.i18n import _
from core.registrations.action_words import action_words
from core.registrations.finding import diagnosis_of
from core.registrations.views import RegistrationView, TimelineView
from core.registrations.wording import moment, setting_word
from dashboard.bars import figure
from dashboard.consent_facts import login, shared_login
from dashboard.diagnosis_card import draw_diagnosis
from dashboard.markdown import plain
from dashboard.moments import day, days_left
from dashboard.status_badge import status_badge

NONE = "–"


def draw_status(view: RegistrationView) -> None:
    """The badge, one sentence why, who acts, and when the last success and failure were: never green on old news."""
    with st.container(horizontal=True, vertical_alignment="center"):
        status_badge(view.status)
        st.markdown(plain(view.status_sentence), width="content")
    st.markdown(plain(action_words(view.action)))
    if view.answered_at is not None:
        st.caption(_("Last answer to being asked: {at}").format(at=moment(view.answered_at)))
    if view.grant is None:
        return
    known = [_("Last success: {at}").format(at=moment(view.last_success_at))]
    if diagnosis_of(view) is not None:
        known.append(_("Last failure: {at}").format(at=moment(view.last_failure_at)))
    st.caption(" · ".join(known))


def draw_meaning(view: RegistrationView, sender: str) -> None:
    """What the failure since the last success means; ``sender`` signs the e-mail about it."""
    judgement = diagnosis_of(view)
    if judgement is not None:
        draw_diagnosis(
            judgement,
            f"registration_{view.id}",
            customer=view.name,
            sender=sender,
            already_said=view.status_sentence,
        )


def draw_facts(view: RegistrationView) -> None:
    """The registration's details and the login it hangs on."""
    rows = {
        _("Environment"): f"Exact Online {environment_name(view.environment)}" if view.environment else NONE,
        _("Connection setting"): setting_word(view.active, view.status),
        _("Customer reference"): plain(view.reference) or NONE,
        _("Owner"): plain(view.owner_name) or NONE,
        _("Note"): plain(view.note) or NONE,
        _("Registered"): plain(_registered(view)),
        _("Last checked"): plain(moment(view.last_checked_at)),
    } | _grant_rows(view)
    st.table(rows, border="horizontal", alt=_("Facts of the registration"))


def draw_timeline(entries: tuple[TimelineView, ...]) -> None:
    """Everything that happened, newest first."""
    if not entries:
        st.caption(_("Nothing has happened yet."))
        return
    st.table(
        {
            _("When"): [moment(entry.at) for entry in entries],
            _("Who"): [plain(entry.actor) for entry in entries],
            _("What"): [plain(entry.sentence) for entry in entries],
        },
        border="horizontal",
        hide_index=True,
        alt=_("Timeline, newest first"),
    )


def _registered(view: RegistrationView) -> str:
    return _("{day} by {name}").format(day=day(view.created_at), name=view.created_by_name or NONE)


def _grant_rows(view: RegistrationView) -> dict[str, str]:
    grant = view.grant
    if grant is None:
        return {}
    lapses = NONE
    if view.lapses_at is not None:
        lapses = _("{day} ({left})").format(day=day(view.lapses_at), left=days_left(view.lapses_at))
    return {
        _("Exact user"): login(grant),
        _("Same login"): shared_login(grant) if grant.shared_count else _("Only this customer"),
        _("Consent lapses if unused"): plain(lapses),
        _("Next refresh possible"): plain(moment(grant.next_refresh_at)),
    } | _check_rows(view)


def _check_rows(view: RegistrationView) -> dict[str, str]:
    if view.check is None:
        return {}
    left = _("{minute} this minute, {day} today").format(
        minute=figure(view.check.calls_this_minute), day=figure(view.check.calls_today)
    )
    comes = moment(view.check.next_at) if view.check.next_at else _("Not while it is paused")
    return {_("Next check"): plain(comes), _("Calls left at Exact Online"): left}
