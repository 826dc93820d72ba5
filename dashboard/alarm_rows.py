"""The alarms as a table, and whoever could not be told as a box with a button."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.alarms.listing import AlarmView, DeliveryView, FailingView, State
from core.alarms.messages import kind_word
from core.alarms.trying import Tried, try_again
from core.application import application
from core.exact.environments import environment_name
from core.i18n import N_, _, ngettext
from core.registrations.wording import called
from dashboard.feedback import attempt, flash
from dashboard.html_table import Column, draw_table, link
from dashboard.markdown import plain
from dashboard.moments import shortener
from dashboard.navigation import address

TITLES = {"at": N_("When"), "kind": N_("Alarm"), "name": N_("Customer"), "environment": N_("Environment")}
STATES = {
    State.SENT: N_("sent {at}"),
    State.WAITING: N_("waiting until {at}"),
    State.HELD: N_("held until the outage is over"),
    State.FAILING: N_("failed {count}×, again {at}: {error}"),
    State.GIVEN_UP: N_("failed {count}×: {error}"),
    State.OVERTAKEN: N_("not sent: no longer so"),
    State.NOBODY: N_("not sent: nobody is there any more"),
}


def draw_alarms(rows: Iterable[AlarmView]) -> None:
    """One line an alarm, with everybody it was for."""
    columns = [Column(_(title), "name" if key == "name" else "") for key, title in TITLES.items()]
    draw_table([*columns, Column(_("Told"), "name")], _lines(rows), _("Alarms"))


def draw_failing(by: CurrentOperator, failing: FailingView) -> None:
    """One recipient who could not be told, and the way to try again now."""
    when = shortener()
    waiting = ngettext("{count} alarm waits", "{count} alarms wait", failing.count).format(
        count=failing.count
    )
    again = (
        _("It is tried again {at}.").format(at=when(failing.next_try_at))
        if failing.next_try_at
        else _("It is not tried again by itself.")
    )
    with st.container(border=True):
        st.markdown(f"**{plain(failing.label)}**: {plain(f'{waiting}. {failing.error} {again}')}")
        if st.button(
            _("Try again now"),
            key=f"alarms_again_{failing.to.audience}_{failing.to.number}",
            icon=":material/refresh:",
        ):
            with attempt() as done, st.spinner(_("Sending …")):
                tell([try_again(application(), by, failing.to)])
            if done:
                st.rerun()


def tell(tried: Iterable[Tried]) -> None:
    """Say what came of it on top of the next page that is drawn."""
    for one in tried:
        name = plain(one.label)
        if one.sent:
            flash(_("{name}: sent.").format(name=name))
        else:
            reason = plain(one.error or _("Nothing was left to send."))
            flash(_("{name}: not sent. {reason}").format(name=name, reason=reason), kind="warning")


def _lines(rows: Iterable[AlarmView]) -> Iterator[tuple[str, ...]]:
    when, one = shortener(), address("registration")
    for row in rows:
        name = called(row.name)
        told = [f"<div>{escape(_told(delivery, when(delivery.at)))}</div>" for delivery in row.deliveries]
        yield (
            when(row.at),
            escape(
                _("{alarm} (no longer so)").format(alarm=kind_word(row.kind))
                if row.over
                else kind_word(row.kind)
            ),
            link(f"{one}?id={row.registration_id}", name) if row.registration_id else "",
            escape(environment_name(row.environment)) if row.environment else "",
            f"<div>{''.join(told)}</div>" if told else escape(_("nobody")),
        )


def _told(delivery: DeliveryView, at: str) -> str:
    state = _(STATES[delivery.state]).format(at=at, count=delivery.tries, error=delivery.error)
    return f"{delivery.to}: {state}"
