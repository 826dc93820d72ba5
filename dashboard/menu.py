"""The menu in the sidebar: one piece of HTML with real links.

Streamlit's own menu is drawn anew at every change of its state, four times a click, whatever is clicked: by the
browser's own count that was half of all that a search in a list made it do. Nor does it make room again on a phone.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from itertools import groupby

from core.accounts.roles import CurrentOperator
from core.i18n import _, current_language, language
from dashboard.html_table import draw_html
from dashboard.navigation import ENTRIES, Entry, address

STYLE = """
.menu{margin-top:-1.5rem;padding-bottom:1.5rem;border-bottom:1px solid #d5dee4;font-size:.875rem}
.menu a{display:flex;align-items:center;gap:.5rem;margin:.25rem 0;padding:0 .5rem;line-height:2}
.menu a{border-radius:.28rem}
.menu a,.menu a:visited{color:#41525e;text-decoration:none}
.menu a:hover,.menu a:focus-visible{background:#e6edf2}
.menu a[aria-current]{background:#dbe4ea;color:#1c2b36;font-weight:600}
.menu span{font:1.125rem/1 "Material Symbols Rounded";width:1.125rem;overflow:hidden}
.menu h2{font-size:.875rem;font-weight:600;margin:1rem 0 .25rem;padding:0}
"""


def draw_menu(operator: CurrentOperator, here: Entry) -> None:
    """The pages that ``operator`` may see; the one ``here``, or the one it is reached from, is marked."""
    seen = tuple(entry for entry in ENTRIES if not entry.under and operator.may(entry.action))
    draw_html(_html(seen, here.under or here.key, current_language()))


@lru_cache(maxsize=200)
def _html(seen: tuple[Entry, ...], here: str, code: str) -> str:
    with language(code):
        parts = []
        for section, entries in groupby(seen, lambda entry: entry.section):
            if section:
                parts.append(f"<h2>{escape(_(section))}</h2>")
            parts += [_link(entry, marked=entry.key == here) for entry in entries]
        name = escape(_("Menu"))
        return f'<nav class="menu" lang="{code}" aria-label="{name}">{"".join(parts)}</nav>'


def _link(entry: Entry, *, marked: bool) -> str:
    title, more = escape(_(entry.title)), escape(_(entry.help)) if entry.help else ""
    said = f' title="{more}"' if more else ""
    said += ' aria-current="page"' if marked else ""
    icon = entry.icon.removeprefix(":material/").removesuffix(":")
    drawn = f'<span aria-hidden="true" translate="no">{icon}</span>'
    return f'<a href="{address(entry.key)}"{said}>{drawn}{title}</a>'
