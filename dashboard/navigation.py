"""The one list of pages: file, address, title, icon, help, and who sees it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode

import streamlit as st

from core.accounts.roles import Action, CurrentOperator, require
from core.i18n import N_, _

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

PAGES = Path(__file__).parent.parent / "pages"


class _PageEnd(Exception):
    """The page is drawn; what stands around it follows."""


@dataclass(frozen=True)
class Entry:
    """One page. The address is "/" and the key; ``action`` is what a role must permit to see it."""

    key: str
    file: str
    title: str
    icon: str
    action: Action = Action.VIEW
    help: str = ""
    section: str = ""
    """The heading in the menu that it stands under."""
    under: str = ""
    """What the menu shows in its stead: the key of the page that it is reached from."""


ENTRIES = (
    Entry("overview", "overview.py", N_("Overview"), ":material/monitoring:"),
    Entry(
        "applications",
        "applications.py",
        N_("Register"),
        ":material/add_link:",
        Action.REGISTER,
        N_("Connect a customer's bookkeeping"),
    ),
    Entry("registrations", "registrations.py", N_("Registrations"), ":material/contract:"),
    Entry("administrations", "administrations.py", N_("Administrations"), ":material/account_balance:"),
    Entry(
        "diagnosis",
        "diagnosis.py",
        N_("Diagnosis"),
        ":material/stethoscope:",
        help=N_("What a message of Exact Online means, and whether connecting again helps"),
    ),
    Entry(
        "alarms",
        "alarms.py",
        N_("Alarms"),
        ":material/notifications:",
        Action.ALARMS,
        N_("Who was told of what"),
    ),
    Entry(
        "lifeline",
        "lifeline.py",
        N_("Lifeline"),
        ":material/ecg_heart:",
        help=N_("How long each consent still lives"),
    ),
    Entry(
        "operators",
        "operators.py",
        N_("Operators"),
        ":material/group:",
        Action.MANAGE_OPERATORS,
        N_("Who may sign in"),
        section=N_("Settings"),
    ),
    Entry(
        "audit",
        "audit.py",
        N_("Audit"),
        ":material/policy:",
        Action.AUDIT,
        N_("Who did what, and from where"),
        section=N_("Settings"),
    ),
    Entry("account", "account.py", N_("My account"), ":material/person:", section=N_("Settings")),
    Entry(
        "register",
        "register.py",
        N_("Register at Exact Online"),
        ":material/edit:",
        Action.REGISTER,
        under="applications",
    ),
    Entry(
        "choose",
        "choose.py",
        N_("Choose administrations"),
        ":material/checklist:",
        Action.REGISTER,
        under="applications",
    ),
    Entry(
        "bulk",
        "bulk.py",
        N_("Change several registrations"),
        ":material/checklist:",
        Action.EDIT_NOTE,
        under="registrations",
    ),
    Entry(
        "registration",
        "registration.py",
        N_("Registration"),
        ":material/contract:",
        under="registrations",
    ),
)
_BY_KEY = {entry.key: entry for entry in ENTRIES}
DEFAULT = "overview"


def page(key: str) -> StreamlitPage:
    """The page, as ``st.page_link`` and ``st.switch_page`` take it."""
    return _page(_BY_KEY[key])


def switch_to(key: str, **query: str | int) -> NoReturn:
    """Go to another page of ours in this tab, with these values in the address."""
    st.switch_page(page(key), query_params={name: str(value) for name, value in query.items()})


def address(key: str, **query: str | int) -> str:
    """The path and query of a page, for links on plain pages and in tables."""
    path = "/" if key == DEFAULT else f"/{key}"
    return f"{path}?{urlencode(query)}" if query else path


def choose() -> tuple[Entry, StreamlitPage]:
    """Register the pages and tell which one the address asks for.

    Every page is registered for everybody: the address then stays as it is through sign-in, and no "Page not found"
    is drawn (design: facts of Streamlit, 2). The menu is ours (``dashboard.menu``).
    """
    made = [(entry, _page(entry)) for entry in ENTRIES]
    pages = {page.url_path or DEFAULT: entry for entry, page in made}
    chosen = st.navigation([page for _entry, page in made], position="hidden")
    return pages[chosen.url_path or DEFAULT], chosen


def run(entry: Entry, chosen: StreamlitPage, operator: CurrentOperator) -> None:
    """Run the page for somebody who may see it. Raises ``NotAllowed`` for others."""
    require(operator, entry.action)
    with suppress(_PageEnd):
        chosen.run()


def end_page() -> NoReturn:
    """Draw no more of this page.

    ``st.stop()`` ends the whole run: the watch on the session is not drawn, and Streamlit then keeps the values of
    widgets that the browser has dropped, so that a box seen again later shows something else than it holds.
    """
    raise _PageEnd


def _page(entry: Entry) -> StreamlitPage:
    return st.Page(
        PAGES / entry.file,
        title=_(entry.title),
        icon=entry.icon,
        url_path=None if entry.key == DEFAULT else entry.key,
        default=entry.key == DEFAULT,
    )
