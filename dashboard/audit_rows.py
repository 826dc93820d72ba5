"""The entries of the audit log as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from core.audit.detail_words import detail_words
from core.audit.event_words import actor_word, event_word, outcome_word, subject_words
from core.audit.listing import AuditQuery, AuditRow
from core.i18n import N_, _, ngettext
from core.registrations.query import COUNT_LIMIT, Page
from dashboard.audit_filters import as_address
from dashboard.bars import figure
from dashboard.html_table import Column, dot, draw_table, link, safe
from dashboard.moments import to_the_second
from dashboard.navigation import address

_COLORS = {"done": "#2e7d4f", "refused": "#b26a00", "failed": "#b3261e"}
TITLES = (
    (N_("When"), ""), (N_("Who"), "name"), (N_("What"), "words"), (N_("On what"), "name"),
    (N_("Outcome"), ""), (N_("From where"), ""), (N_("Details"), "name"),
)  # fmt: skip


def draw_entries(rows: Iterable[AuditRow], above: str) -> None:
    """One line an entry; whatever others wrote in it is only text here."""
    draw_table([Column(_(title), kind) for title, kind in TITLES], _lines(rows), _("Audit"), above)


def summary(page: Page[Any], query: AuditQuery) -> str:
    """How many entries match, and links that export them."""
    found = (
        _("More than {count} found").format(count=figure(COUNT_LIMIT))
        if page.more
        else ngettext("{count} found", "{count} found", page.count).format(count=figure(page.count))
    )
    files = f"{_anchor('/export/audit.csv', 'CSV', query)}, {_anchor('/export/audit.xlsx', 'Excel', query)}"
    shown = f"{found} &nbsp;·&nbsp; " + _("Export:") + f" {files}"
    return f'<div style="font-size:.875rem;color:#526471;margin-bottom:1rem">{shown}</div>'


def _lines(rows: Iterable[AuditRow]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield (
            escape(to_the_second(row.at)),
            _who(row),
            safe(event_word(row.event)),
            _on_what(row.subject),
            dot(_COLORS.get(row.outcome, "#526471"), outcome_word(row.outcome)),
            safe(row.address),
            safe(detail_words(row)),
        )


def _who(row: AuditRow) -> str:
    name = safe(actor_word(row))
    return f'<span title="{escape(row.actor_email)}">{name}</span>' if row.actor_email else name


def _on_what(subject: str) -> str:
    kind, _blank, rest = subject.partition(" ")
    number = rest.partition(" ")[0]
    words = subject_words(subject)
    if kind == "registration" and number.isascii() and number.isdigit():
        return link(address("registration", id=number), words)
    return safe(words)


def _anchor(path: str, label: str, query: AuditQuery) -> str:
    asked = as_address(query)
    where = path + (f"?{asked}" if asked else "")
    return f'<a href="{escape(where)}" style="color:#14547a">{label}</a>'
