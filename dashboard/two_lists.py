"""What Exact shows and what is linked here, side by side: one quiet line while they agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import N_, _, ngettext
from core.registrations.reconcile import Drift, Line
from core.registrations.reconciliation import reconciliation
from core.registrations.views import RegistrationView
from core.registrations.wording import failure_words, moment
from dashboard.bars import figure
from dashboard.html_table import Column, draw_table
from dashboard.markdown import plain
from dashboard.moments import shortener

SHOWN = 100
COLUMNS = (
    N_("Administration"),
    N_("At Exact"),
    N_("Permitted"),
    N_("Linked here"),
    N_("Last probe"),
    N_("Remark"),
)


def draw_two_lists(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    """The comparison, folded away while everything that is linked is as it should be."""
    if not view.linked:
        return
    found = reconciliation(app, by, view.id)
    new = sum(line.drift is Drift.NEW for line in found.drifting)
    amiss = len(found.drifting) - new
    label = _("Compared with Exact Online: {result}").format(result=_result(amiss, new))
    with st.expander(label, expanded=amiss > 0, icon=":material/compare_arrows:"):
        st.caption(_("As Exact Online answered on {at}.").format(at=plain(moment(view.last_success_at))))
        _draw(found.lines, _("Administrations at Exact Online and here"))


def _result(amiss: int, new: int) -> str:
    said = []
    if amiss:
        said.append(ngettext("{count} differs", "{count} differ", amiss).format(count=figure(amiss)))
    if new:
        said.append(
            ngettext("{count} new since consent", "{count} new since consent", new).format(count=figure(new))
        )
    return ", ".join(said) or _("all agrees")


def _draw(lines: tuple[Line, ...], alt: str) -> None:
    titles = [Column(_(title), "name" if place in {0, 5} else "") for place, title in enumerate(COLUMNS)]
    draw_table(titles, _cells(lines[:SHOWN]), alt)
    if len(lines) > SHOWN:
        st.caption(_("The first {shown} of {all}.").format(shown=SHOWN, all=figure(len(lines))))


def _cells(lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    when = shortener()
    answers = {True: escape(_("Yes")), False: escape(_("No")), None: escape(_("Not known"))}
    for line in lines:
        side = line.side
        failure = failure_words(side.last_failure_kind) if side.last_failure_kind else ""
        yield (
            f'{escape(side.name)} <span style="color:#526471">{side.code}</span>',
            answers[side.user_sees],
            answers[side.permitted],
            answers[side.linked],
            f'<span title="{escape(failure)}">{when(side.last_success_at)}</span>' if side.linked else "",
            escape(line.remark),
        )
