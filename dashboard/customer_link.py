"""The window with the link for the customer: to be copied as it is, or with a few lines around it."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.i18n import LANGUAGES, _, language
from core.registrations.views import CustomerLinkView, RegistrationView
from core.registrations.wording import moment
from dashboard import signin
from dashboard.copying import draw_copy


def show_link(by: CurrentOperator, view: RegistrationView, link: CustomerLinkView, url: str) -> None:
    """Open the window; the link is in it and nowhere else, and gone when it closes."""

    @st.dialog(
        _("Link for the customer"), width="medium", icon=":material/forward_to_inbox:", on_dismiss="rerun"
    )
    def dialog() -> None:
        signin.current(active=True)
        st.write(_("Send this link to the customer. It opens a page of ours that leads to Exact Online."))
        draw_copy(url, _("Copy link"), _("Link for the customer"), lines=2, first=True)
        st.caption(
            _(
                "It works once, until {until}, and is shown only now; make a new one when it gets lost."
            ).format(until=moment(link.expires_at))
        )
        with st.expander(_("With a text for an e-mail")):
            _draw_letters(by, view, link, url)

    dialog()


def _draw_letters(by: CurrentOperator, view: RegistrationView, link: CustomerLinkView, url: str) -> None:
    alt, button = _("Text for an e-mail"), _("Copy text")
    for code, tab in zip(LANGUAGES, st.tabs(list(LANGUAGES.values())), strict=True):
        with language(code):
            text = _letter(by, view, link, url)
        with tab:
            draw_copy(text, button, alt, lines=14)


def _letter(by: CurrentOperator, view: RegistrationView, link: CustomerLinkView, url: str) -> str:
    """In the customer's language, which is not always that of the screen."""
    paragraphs = (
        _("Dear customer,"),
        _(
            "To bring the bookkeeping of {name} online at Clickker, we need your permission at Exact Online. Open this "
            "link, log in at Exact Online and choose Allow:"
        ).format(name=view.name),
        url,
        _("The link works once, until {until}. Clickker does not see your password.").format(
            until=moment(link.expires_at)
        ),
        _("Kind regards,") + "\n" + by.name,
    )
    return "\n\n".join(paragraphs)
