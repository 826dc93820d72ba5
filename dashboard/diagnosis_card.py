"""What a message of Exact Online means, as one calm card: who acts, whether reconnecting helps, and the e-mail."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.exact.diagnosis import Diagnosis
from core.exact.mail import customer_mail
from core.exact.rules import Reconnect
from core.exact.rules.rule import RECONNECT_WORDS
from core.i18n import LANGUAGES, _, current_language
from core.registrations.action_words import act_words, who_words
from core.registrations.finding import Judgement
from dashboard import signin
from dashboard.markdown import plain

LOOKS: dict[Reconnect, tuple[Literal["blue", "green", "orange", "gray"], str]] = {
    Reconnect.YES: ("blue", ":material/link:"),
    Reconnect.NO: ("green", ":material/link_off:"),
    Reconnect.NOT_YET: ("orange", ":material/hourglass_empty:"),
    Reconnect.NOT_KNOWN: ("gray", ":material/help:"),
}


def draw_diagnosis(
    judgement: Judgement,
    place: str,
    *,
    customer: str = "",
    sender: str = "",
    already_said: str = "",
    quoted: bool = True,
) -> None:
    """Draw the card; ``already_said`` is a sentence above it that need not be said twice.

    Not ``quoted``: who reads it sees the message already. One that is not known is always shown.
    """
    diagnosis, sentence = judgement.diagnosis, judgement.sentence
    with st.container(border=True, key=f"{place}_diagnosis"):
        _draw_verdict(judgement.reconnect)
        for known in judgement.facts:
            st.markdown(plain(known))
        if sentence and sentence != already_said:
            st.markdown(plain(sentence))
        st.table(_rows(judgement, quoted or not diagnosis.known), border="horizontal", alt=_("What it means"))
        if diagnosis.also:
            others = " · ".join(plain(_(rule.sentence)) for rule in diagnosis.also)
            st.caption(_("The text holds older or other messages too: {others}").format(others=others))
        with st.expander(_("E-mail to the customer"), icon=":material/mail:"):
            draw_mail(diagnosis, place, customer, sender)


def _draw_verdict(reconnect: Reconnect) -> None:
    color, icon = LOOKS[reconnect]
    question = plain(_("Does reconnecting help?"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{question}**", width="content")
        st.badge(_(RECONNECT_WORDS[reconnect]), icon=icon, color=color)


def _rows(judgement: Judgement, quoted: bool) -> dict[str, str]:
    diagnosis, rule = judgement.diagnosis, judgement.diagnosis.rule
    rows = {
        _("Who must act"): plain(who_words(judgement.action)),
        _("What to do"): plain(act_words(judgement.action)),
        _("Say to the customer"): plain(_(rule.say)),
    }
    if rule.click_path:
        rows[_("Where at Exact Online")] = plain(rule.click_path)
    if quoted and diagnosis.words:
        rows[_("The message")] = plain(diagnosis.words)
    return rows


@st.fragment
def draw_mail(diagnosis: Diagnosis, place: str, customer: str, sender: str) -> None:
    """The e-mail, to be copied, in the language of the customer."""
    signin.current()
    code = st.segmented_control(
        _("Language of the e-mail"),
        list(LANGUAGES),
        default=current_language(),
        format_func=lambda one: LANGUAGES[one],
        key=f"{place}_mail_language",
        required=True,
    )
    mail = customer_mail(diagnosis, code, customer, sender)
    st.code(mail.subject, language=None, wrap_lines=True)
    st.code(mail.body, language=None, wrap_lines=True)
