"""Who came back from Exact Online, whether that fits, and what to do when administrations are missing."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.exact.environments import environment_name
from core.exact.rules.rule import ADMINISTRATIONS_PATH
from core.i18n import _, ngettext
from core.registrations.administrations import read_administrations
from core.registrations.fitting import compare_name
from core.registrations.names import NameMatch
from core.registrations.registration import registration
from core.registrations.views import GrantView, RegistrationView
from core.registrations.wording import figure
from dashboard.administration_picker import forget_choice
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.navigation import address

NAMED = 10
"""Names that are enough to know which login it is."""


def draw_who(grant: GrantView) -> None:
    """The Exact user who gave consent, and who else hangs on the same login."""
    rows = {
        _("Exact user"): plain(grant.known_as),
        _("User name"): plain(grant.user_name) or "–",
        _("E-mail"): plain(grant.email) or "–",
        _("Environment"): f"Exact Online {plain(environment_name(grant.environment))}",
    }
    if grant.shared_count:
        rows[_("Same login")] = shared_login(grant)
    st.table(rows, border="horizontal", width="content", alt=_("Who gave consent"))


def login(grant: GrantView) -> str:
    """The Exact user, a line for each name; most log in with their e-mail address: once is enough."""
    names = dict.fromkeys((grant.full_name, grant.user_name, grant.email))
    return "  \n".join(plain(name) for name in names if name) or plain(grant.known_as)


def shared_login(grant: GrantView) -> str:
    """How many other customers hang on this login, and the first of them by name, as links, where they may be seen."""
    count = grant.shared_count
    sentence = ngettext("{count} other customer", "{count} other customers", count).format(count=count)
    links = _shared_names(grant)
    return f"{sentence}: {links}" if links else sentence


def _shared_names(grant: GrantView) -> str:
    links = ", ".join(
        f"[{plain(name)}]({address('registration', id=n)})" for n, name in grant.shared_with[:NAMED]
    )
    more = " …" if links and grant.shared_count > min(len(grant.shared_with), NAMED) else ""
    return links + more


def draw_name_hint(view: RegistrationView) -> None:
    """Point out when the name typed is not among the administrations found."""
    if not view.administrations or compare_name(view).match is not NameMatch.DIFFERENT:
        return
    st.warning(
        _(
            "None of these administrations is called **{name}**: did the right person log in at Exact Online? If not, "
            "connect again from the registration."
        ).format(name=plain(view.name)),
        icon=":material/warning:",
    )


def draw_login_hint(view: RegistrationView, grant: GrantView) -> None:
    """Warn of a login that is known for other customers, before anything is linked by it."""
    if not grant.shared_count or (view.linked and view.grant == grant):
        return
    others = _shared_names(grant) or shared_login(grant)
    st.warning(
        _("This login is known for others already: {others}. Is it the right one for **{name}**?").format(
            others=others, name=plain(view.name)
        ),
        icon=":material/group:",
    )


def draw_missing_help(app: Application, by: CurrentOperator, view: RegistrationView, place: str) -> None:
    """How the customer permits more administrations, and reading the list again."""
    with st.expander(_("Is an administration missing?"), icon=":material/help:"):
        draw_where_permitted()
        draw_read_again(app, by, view, place)


def draw_where_permitted() -> None:
    """Where the customer permits administrations at Exact."""
    st.markdown(
        _(
            "Exact Online shows only what was permitted in its own form. The customer widens that there, in Dutch:"
        )
        + f"\n\n**{ADMINISTRATIONS_PATH}**"
    )


def draw_read_again(
    app: Application, by: CurrentOperator, view: RegistrationView, place: str, *, first: bool = False
) -> None:
    """The button that asks Exact for the list; ``first`` where it is what comes next."""
    if by.may(Action.CHECK) and st.button(
        _("Read the list again"),
        key=f"{place}_read",
        icon=":material/refresh:",
        type="primary" if first else "secondary",
    ):
        with st.spinner(_("Asking Exact Online …")), attempt() as done:
            read_administrations(app, by, view.id)
        if done:
            forget_choice(view, place)
            count = len(registration(app, by, view.id).administrations)
            flash(
                ngettext(
                    "The list has been read: {count} administration.",
                    "The list has been read: {count} administrations.",
                    count,
                ).format(count=figure(count))
            )
            st.rerun()
