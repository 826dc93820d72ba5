"""What is wrong with a registration, who must act, and what was wrong before."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from core import clock
from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.i18n import _, ngettext
from core.registrations.action_words import action_words
from core.registrations.issue_views import LONGEST_SNOOZE_DAYS, IssueView, RegistrationIssues, snooze
from core.registrations.wording import moment
from dashboard.feedback import attempt, draw_not_kept, flash
from dashboard.markdown import plain
from dashboard.moments import DAY_FORMAT, day

SHOWN = 10


def draw_issues(app: Application, by: CurrentOperator, issues: RegistrationIssues) -> None:
    """The open issues, each with its own way to silence it; nothing when all is well."""
    if issues.open:
        st.subheader(_("What is wrong"))
    for issue in issues.open[:SHOWN]:
        _draw_issue(app, by, issue)
    more = len(issues.open) - SHOWN
    if more > 0:
        st.caption(
            ngettext(
                "{count} more; the administrations below tell which.",
                "{count} more; the administrations below tell which.",
                more,
            ).format(count=more)
        )


def draw_history(issues: RegistrationIssues) -> None:
    """What was wrong before and is mended, latest first, folded away."""
    past = issues.past
    if not past:
        return
    with st.expander(_("Mended issues"), icon=":material/history:"):
        st.table(
            {
                _("What"): [plain(_named(issue)) for issue in past],
                _("First seen"): [moment(issue.first_seen_at) for issue in past],
                _("Mended"): [moment(issue.resolved_at) for issue in past],
            },
            border="horizontal",
            hide_index=True,
            alt=_("Mended issues, latest first"),
        )


def _draw_issue(app: Application, by: CurrentOperator, issue: IssueView) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(_named(issue))}**")
            st.caption("  \n".join(_details(issue)))
        if by.may(Action.EDIT_NOTE):
            _draw_snooze(app, by, issue)


def _named(issue: IssueView) -> str:
    return f"{issue.what}: {issue.administration}" if issue.administration else issue.what


def _details(issue: IssueView) -> list[str]:
    lines = [
        _("Since {at} · {action}").format(
            at=plain(moment(issue.first_seen_at)), action=plain(action_words(issue.action))
        )
    ]
    if issue.message and issue.administration:  # of the connection's own the card below tells more
        lines.append(_("Exact Online said: {text}").format(text=plain(issue.message)))
    if issue.snoozed_until is not None:
        lines.append(
            _("Silenced until {day} by {name}.").format(
                day=day(issue.snoozed_until), name=plain(issue.snoozed_by)
            )
        )
    return lines


def _draw_snooze(app: Application, by: CurrentOperator, issue: IssueView) -> None:
    today = clock.today()
    with st.popover(_("Silence"), icon=":material/notifications_off:", key=f"issue_silence_{issue.id}"):
        st.markdown(_("It stays in the status, but leaves “needs attention now” until this day."))
        until = st.date_input(
            _("Until"),
            value=today + timedelta(days=3),
            min_value=today + timedelta(days=1),
            max_value=today + timedelta(days=LONGEST_SNOOZE_DAYS),
            key=f"issue_until_{issue.id}",
            format=DAY_FORMAT,
        )
        draw_not_kept()
        if not st.button(_("Silence until then"), key=f"issue_snooze_{issue.id}", type="primary"):
            return
        with attempt() as done:
            snooze(app, by, issue.id, until)
    if done:
        flash(_("Silenced. It comes back by itself."))
        st.rerun()
