"""Scripts that pages ask for only once they are being drawn, fetched while the browser still reads the first ones.

Streamlit's client loads the script of a widget when the widget arrives, and that of what it imports after that:
thirty small files behind each other on a page with a form. Named in the page, they come along with the rest.
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit

SCRIPTS = Path(streamlit.__file__).parent / "static" / "static" / "js"
WIDGETS = ("Button", "TextInput", "Selectbox", "Checkbox", "Html", "Pagination")
"""On nearly every page: sign out, search or name, a filter or a choice, the Active toggle, rows and their pages."""
_IMPORT = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


def widget_scripts(known: set[str]) -> tuple[str, ...]:
    """The scripts of ``WIDGETS`` and all they import, without those in ``known``; their names carry a hash."""
    waiting = [path.name for widget in WIDGETS for path in sorted(SCRIPTS.glob(f"{widget}.*.js"))]
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop(0)
        if name in found or name in known:
            continue
        found[name] = None
        waiting += _IMPORT.findall((SCRIPTS / name).read_text(encoding="utf-8"))
    return tuple(found)
