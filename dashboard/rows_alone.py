"""A change of what stands above a list runs the list's rows, and nothing else.

Streamlit runs the whole page for a control outside the fragment; its callback then asks for the fragment
(``st.rerun``), and that run begins. Both are told to the browser, which draws each time: half of what a filter cost. So
the request is given the fragment when it comes in, as if the browser had asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlit.errors import StreamlitAPIException
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import user_key_from_element_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamlit.proto.ClientState_pb2 import ClientState
    from streamlit.proto.WidgetStates_pb2 import WidgetState

_rows: dict[str, str] = {}
"""Key of a control to the key of the fragment that shows what it asks for."""
_request = AppSession.request_rerun


def belong(controls: Iterable[str], rows: str) -> None:
    """Say once that these controls change nothing but the fragment ``rows``."""
    _rows.update(dict.fromkeys(controls, rows))


def running() -> bool:
    """Whether this run is of a fragment alone."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def ask_for_rows_alone() -> None:
    """From now on; Streamlit offers no place for it."""
    setattr(AppSession, "request_rerun", _narrowed)  # noqa: B010 - to mypy a method is no variable


def _narrowed(session: AppSession, asked: ClientState | None) -> None:
    if asked is not None and not asked.fragment_id and not asked.is_history_navigation:
        asked.fragment_id = _fragment(session, asked)
    _request(session, asked)


def _fragment(session: AppSession, asked: ClientState) -> str:
    """The fragment that shows all that has changed since the last run; "" when there is none, or more to show."""
    last = session._client_state
    if asked.page_script_hash != last.page_script_hash:
        return ""
    before, now = _values(last.widget_states.widgets), _values(asked.widget_states.widgets)
    changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    wanted = {_rows.get(user_key_from_element_id(name) or "") for name in changed}
    if len(wanted) != 1 or None in wanted:
        return ""
    try:
        [fragment] = session._fragment_storage.resolve_target(str(wanted.pop()))
    except (StreamlitAPIException, ValueError):
        return ""
    return fragment


def _values(states: Iterable[WidgetState]) -> dict[str, bytes]:
    return {state.id: state.SerializeToString() for state in states}
