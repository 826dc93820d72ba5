"""Whether the audit log is as it was written: when that was last looked into, and a button to look now."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.audit.event_words import actor_word
from core.audit.listing import AuditQuery, AuditRow, latest_verification, list_entries
from core.audit.verifying import verify
from core.audit.wording import verdict_sentences
from core.i18n import _
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.moments import to_the_second


def draw_verification(app: Application, by: CurrentOperator) -> None:
    """A line with the latest verification, and "Verify now"."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _tell(latest_verification(app, by))
        asked = st.button(_("Verify now"), key="audit_verify", icon=":material/verified_user:")
    if asked:
        with attempt() as done:
            _verify(app, by)
        if done:
            st.rerun()


def _verify(app: Application, by: CurrentOperator) -> None:
    newest = list_entries(app, by, AuditQuery()).rows
    total = max(newest[0].sequence if newest else 0, 1)
    bar = st.progress(0.0, _("Reading every entry …"))
    verdict = verify(
        app, by, lambda read: _ignore(bar.progress(min(read / total, 1.0), _("Reading every entry …")))
    )
    told = plain(". ".join(sentence.removesuffix(".") for sentence in verdict_sentences(verdict)) + ".")
    flash(told, kind="warning" if verdict.broken else "success")


def _ignore(_drawn: object) -> None:
    """``progress`` gives back what it drew."""


def _tell(last: AuditRow | None) -> None:
    if last is None:
        st.warning(_("The log has not been verified yet."), icon=":material/help:")
        return
    when, who = to_the_second(last.at), plain(actor_word(last))
    if last.outcome == "done":
        sentence = _("Verified {moment} by {who}: {count} entries, unbroken.")
        st.success(
            sentence.format(moment=when, who=who, count=plain(last.detail)), icon=":material/verified_user:"
        )
    else:
        sentence = _(
            "Verified {moment} by {who}: the log has been tampered with. Run “clickker audit verify”."
        )
        st.error(sentence.format(moment=when, who=who), icon=":material/gpp_bad:")
