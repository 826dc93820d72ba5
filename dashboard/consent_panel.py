"""Connect, the link for the customer, and the quiet wait for whoever is at Exact Online."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.consent import create_consent
from core.registrations.customer_links import create_customer_link, revoke_customer_link
from core.registrations.next_action import Act
from core.registrations.registration import registration
from core.registrations.seen import Seen
from core.registrations.status import Status
from core.registrations.views import CustomerLinkView, RegistrationView
from core.registrations.wording import moment
from dashboard.customer_link import show_link
from dashboard.feedback import attempt
from dashboard.going import go_to
from dashboard.navigation import switch_to
from dashboard.watching import look_again

POLL = "3s"
ASKING = {Status.WAITING_FOR_CONSENT, Status.CONSENT_DENIED}
"""Statuses in which the next thing is a consent that may arrive at any moment."""


def draw_buttons(
    app: Application,
    by: CurrentOperator,
    place: str,
    connect_label: str,
    registered: Callable[[], int | None],
    *,
    primary: Act | None = Act.CONNECT,
    seen: Seen | None = None,
) -> None:
    """Connect, and beside it the link for who has no Exact password.

    ``registered`` gives the registration's number, registering it first where needed; None when it cannot be.
    ``primary`` is the act that is called for, if it is one of these, ``seen`` whose registration the page shows.
    """
    with st.container(horizontal=True):
        connect = st.button(
            connect_label,
            key=f"{place}_connect",
            type="primary" if primary in {Act.CONNECT, Act.RECONNECT} else "secondary",
            icon=":material/link:",
        )
        link = st.button(
            _("Copy link for the customer"),
            key=f"{place}_link",
            type="primary" if primary is Act.TALK else "secondary",
            icon=":material/content_copy:",
        )
    if connect:
        _connect(app, by, registered, seen)
    if link:
        _make_link(app, by, registered, seen)


def _connect(
    app: Application, by: CurrentOperator, registered: Callable[[], int | None], seen: Seen | None
) -> None:
    with attempt():
        number = registered()
        if number is not None:
            leave_for_exact(create_consent(app, by, number, seen))


def leave_for_exact(consent_id: str) -> None:
    """Send this tab to Exact Online; nothing after this is drawn."""
    address = f"/exact/connect?consent={consent_id}"
    st.info(_("Going to Exact Online …"), icon=":material/open_in_browser:")
    by_hand = _("If nothing happens, go there yourself")
    st.html(f'<a href="{address}">{by_hand}</a>')
    go_to(address)


def _make_link(
    app: Application, by: CurrentOperator, registered: Callable[[], int | None], seen: Seen | None
) -> None:
    with attempt():
        number = registered()
        if number is not None:
            url = create_customer_link(app, by, number, seen)
            view = registration(app, by, number)
            if view.link is not None:
                show_link(by, view, view.link, url)


def draw_open_link(app: Application, by: CurrentOperator, view: RegistrationView, place: str) -> None:
    """The link that is open, what is known to have been done with it, and the way to withdraw it."""
    if view.link is None:
        return
    with st.container(border=True):
        st.markdown(
            ":material/forward_to_inbox: "
            + _("A link for the customer is open until {until}.").format(until=moment(view.link.expires_at))
            + " "
            + _used_so_far(view.link)
        )
        if st.button(_("Withdraw link"), key=f"{place}_withdraw", icon=":material/link_off:"):
            with attempt():
                revoke_customer_link(app, by, view.id)
                st.rerun()


def _used_so_far(link: CustomerLinkView) -> str:
    """Whoever has the link can open it, so it is not said that it was the customer."""
    if link.went_at is not None:
        return _("Somebody went on from it to Exact Online on {at}.").format(at=moment(link.went_at))
    if link.opened_at is not None:
        return _("It was opened on {at}.").format(at=moment(link.opened_at))
    return _("The customer has not opened it yet.")


def wait_for_consent(view: RegistrationView) -> None:
    """Look now and then whether consent has come; go on when it has."""
    if view.status not in ASKING and view.link is None:
        return
    before = _landmarks(view)

    def seen(now: RegistrationView) -> None:
        if now.status is Status.CHOOSE_ADMINISTRATIONS and now.grant is not None:
            switch_to("choose", id=view.id)
        news = now.answered_at is not None and now.answered_at != view.answered_at
        if news or _landmarks(now) != before:
            st.rerun()

    look_again(f"wait_{view.id}", view.id, POLL, seen)


def _landmarks(view: RegistrationView) -> tuple[object, ...]:
    return (
        # That a link was made is no news: its window would close.
        None if view.status in ASKING else view.status,
        view.grant and (view.grant.id, view.grant.rotated_at),
        view.candidate and view.candidate.id,
        view.link and (view.link.went_at or view.link.opened_at),  # a new one is no news: its window is open
    )
