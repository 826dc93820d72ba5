"""The parts of the first screen: charts that lead to the rows behind them, and short lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

import streamlit as st

from core.exact.environments import environment_name
from core.i18n import N_, _, ngettext
from core.registrations.action_words import act_words, who_words
from core.registrations.incident_views import IncidentView
from core.registrations.listing import RegistrationRow
from core.registrations.next_action import Act, of_incident
from core.registrations.overview import LAPSING_DAYS, NEEDS_ATTENTION, Overview
from core.registrations.status import IncidentFact, Status
from core.registrations.wording import called, moment, status_word
from dashboard.bars import Bar, draw_bars, draw_days, figure
from dashboard.html_table import draw_table, link
from dashboard.list_words import columns, words_of_lists
from dashboard.markdown import plain
from dashboard.moments import day, shortener, time_of_day
from dashboard.navigation import address
from dashboard.status_badge import status_color

COLUMNS = {
    "name": N_("Name"),
    "status": N_("Status"),
    "owner": N_("Owner"),
    "last_success_at": N_("Last success"),
    "lapses_at": N_("Consent lapses"),
    "action": N_("Who must act"),
}


VERDICTS = {
    Act.SETTINGS: N_("It is our app's settings, not the customers: an admin must check them."),
    Act.CONFIRM: N_(
        "Exact refuses them: it can be trouble of Exact or of our app, or they have withdrawn their consent. "
        "Within hours it shows; if everybody is refused, an admin must look in the Exact App Center."
    ),
    Act.NETWORK: N_(
        "No connection comes about: it is Exact or our own network, not the customers. An admin must see whether "
        "the server reaches the internet."
    ),
    Act.WAIT: N_("It is Exact, not the customers: nobody has to call or reconnect anybody."),
}


def warn_without_keeper(view: Overview) -> None:
    """Never green on old news: say so when nobody looks after the connections."""
    if view.keeper_missing:
        st.warning(
            _(
                "No one is keeping the connections alive: the keeper last ran at {moment}. What is shown here may "
                "be old. Tell an admin."
            ).format(moment=plain(moment(view.keeper_ran_at))),
            icon=":material/heart_broken:",
        )


def draw_incidents(view: Overview) -> None:
    """What is wrong for many at once: told once, with the verdict."""
    for incident in view.incidents:
        where = f"Exact Online {environment_name(incident.environment)}"
        failing = ngettext(
            "{count} customer fails since {at}.", "{count} customers fail since {at}.", incident.registrations
        ).format(count=figure(incident.registrations), at=moment(incident.opened_at))
        following = _("We look again at {time} and go on by ourselves.").format(
            time=time_of_day(incident.next_check_at)
        )
        st.warning(
            f"**{plain(where)}:** {plain(failing)} {plain(_verdict(incident))} {following}",
            icon=":material/cloud_off:" if incident.outage else ":material/settings_alert:",
        )


def _verdict(incident: IncidentView) -> str:
    """Whose trouble it is, and who must act: what is decided for those whom it befell."""
    fact = IncidentFact(0, incident.ours, incident.refused, incident.unreached)
    return _(VERDICTS[of_incident(fact).act])


def draw_statuses(view: Overview) -> None:
    """How many there are of each status, what goes well on top."""
    st.subheader(_("By status"))
    draw_bars(_bars(reversed(Status), view.counts.__getitem__), _("Registrations by status"))


def draw_attention(view: Overview) -> None:
    """What needs somebody now: how many of each kind, and the first of them."""
    st.subheader(_("Needs attention now"))
    if view.attention_count:
        draw_bars(_bars(NEEDS_ATTENTION, view.needing), _("What needs attention, by status"))
    elif not view.snoozed_count:
        st.caption(_("Nothing needs attention."))
    if view.snoozed_count:
        st.caption(
            ngettext("{count} silenced.", "{count} silenced.", view.snoozed_count).format(
                count=figure(view.snoozed_count)
            )
        )


def draw_lapsing(view: Overview) -> None:
    """How many consents lapse on each of the next days."""
    st.subheader(_("Lapses within {days} days").format(days=LAPSING_DAYS))
    count = view.lapsing_count
    if not count:
        st.caption(_("No consent lapses soon."))
        return
    st.caption(
        ngettext(
            "{count} consent lapses unless it is used.", "{count} consents lapse unless they are used.", count
        ).format(count=figure(count))
    )
    draw_days(view.lapsing_by_day, _("Consents that lapse, by day"))


def draw_rows(title: str, rows: Sequence[RegistrationRow]) -> None:
    """A short list under its title; nothing when it is empty."""
    if rows:
        st.subheader(title)
        draw_table_of(rows, title)


def draw_table_of(rows: Sequence[RegistrationRow], title: str) -> None:
    """Some registrations, and what each of them needs."""
    draw_table(columns(COLUMNS, names=("name", "action")), _lines(rows), title)


def _bars(statuses: Iterable[Status], count: Callable[[Status], int]) -> list[Bar]:
    # The word, as the filter writes it into the address itself: of a code Streamlit would wipe the address,
    # and a reload or the way back from a row would show everything.
    return [
        Bar(
            status_word(status),
            count(status),
            status_color(status),
            address("registrations", status=status_word(status)),
        )
        for status in statuses
    ]


def _lines(rows: Iterable[RegistrationRow]) -> Iterator[tuple[str, ...]]:
    words, when, one = words_of_lists(), shortener(), address("registration")
    for row in rows:
        yield (
            link(f"{one}?id={row.id}", called(row.name)),
            words.statuses[row.status],
            escape(row.owner_name),
            when(row.last_success_at),
            day(row.lapses_at) if row.lapses_at else "",
            escape(f"{who_words(row.action)}. {act_words(row.action)}"),
        )
