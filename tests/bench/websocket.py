"""A browser without a screen: Streamlit's protobuf over a raw WebSocket, timed to the end of the script run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Value = str | int | bool | tuple[str, ...]
_GOOD = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
# The field of a widget's state by the kind of element, as Streamlit's frontend fills it.
_FIELDS = {
    "text_input": "string_value",
    "text_area": "string_value",
    "selectbox": "string_value",
    "pagination": "int_value",
    "checkbox": "bool_value",
    "button": "trigger_value",
    "dataframe": "string_value",
    "button_group": "string_array_value",
    "multiselect": "string_array_value",
    "radio": "string_value",
}


class RunFailed(RuntimeError):
    """The script ended badly, or drew an exception or an error."""


@dataclass
class Run:
    """One run of the script, from the request to ``script_finished``."""

    milliseconds: float
    size: int = 0
    """Bytes that came over the socket."""
    messages: int = 0
    starts: int = 0
    """How often a run began: a callback may ask for another."""
    drawn: list[Element] = field(default_factory=list)
    """The elements, in the order in which they came."""

    def text(self) -> str:
        """Everything drawn by ``st.html``, ``st.markdown`` and ``st.title``."""
        parts: list[str] = []
        for element in self.drawn:
            for name in ("html", "markdown", "heading"):
                if element.WhichOneof("type") == name:
                    parts.append(getattr(element, name).body)
        return "\n".join(parts)


class Tab:
    """One open page. It remembers widgets, and messages as the browser does, until it is closed."""

    def __init__(self, connection: ClientConnection, page: str, query: str) -> None:
        self._connection = connection
        self._page = page
        self._query = query
        self._script_hash = ""
        self._states: dict[str, WidgetState] = {}
        self._cached: dict[str, ForwardMsg] = {}
        self.widgets: dict[str, tuple[str, str, str]] = {}
        """(id, kind of element, fragment) by the key that the page gave its widget."""

    async def run(self, changes: Mapping[str, Value] | None = None, query: str | None = None) -> Run:
        """Change widgets, by key, and wait for the end of the run. Raises ``RunFailed``.

        ``query`` is the query string of the address from now on.
        """
        self._query = self._query if query is None else query
        message, once = self._request(changes or {})
        started = time.perf_counter()
        await self._connection.send(message)
        run = await self._answer(started)
        for widget in once:
            self._states.pop(widget)
        return run

    def _request(self, changes: Mapping[str, Value]) -> tuple[bytes, list[str]]:
        once = []
        back = BackMsg()
        for key, value in changes.items():
            widget, kind, back.rerun_script.fragment_id = self.widgets[key]
            self._states[widget] = _state(widget, kind, value)
            if kind == "button":
                once.append(widget)
        back.rerun_script.query_string = self._query
        back.rerun_script.page_script_hash = self._script_hash
        if not self._script_hash:
            back.rerun_script.page_name = self._page
        back.rerun_script.widget_states.CopyFrom(WidgetStates(widgets=self._states.values()))
        back.rerun_script.cached_message_hashes.extend(self._cached)
        back.rerun_script.context_info.timezone = "Europe/Amsterdam"
        back.rerun_script.context_info.locale = "nl-NL"
        return back.SerializeToString(), once

    async def _answer(self, started: float) -> Run:
        run = Run(0.0)
        while True:
            data = await self._connection.recv()
            if not isinstance(data, bytes):
                raise RunFailed(f"a text frame: {data[:200]}")
            message = ForwardMsg()
            message.ParseFromString(data)
            run.size += len(data)
            run.messages += 1
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                run.milliseconds = (time.perf_counter() - started) * 1000
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue  # a callback asked for another run, which has begun
                if message.script_finished not in _GOOD:
                    raise RunFailed(ForwardMsg.ScriptFinishedStatus.Name(message.script_finished))
                return run
            if kind == "new_session":
                run.starts += 1
                self._script_hash = message.new_session.page_script_hash
            elif kind == "navigation":
                self._script_hash = message.navigation.page_script_hash
            elif kind == "page_not_found":
                raise RunFailed(f"page not found: {self._page}")
            elif kind in {"delta", "ref_hash"}:
                self._draw(message, run)

    def _draw(self, message: ForwardMsg, run: Run) -> None:
        if message.WhichOneof("type") == "ref_hash":
            message = self._cached[message.ref_hash]
        elif message.metadata.cacheable:
            self._cached[message.hash] = message
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        drawn = getattr(element, kind) if kind else None
        if kind == "exception":
            raise RunFailed(f"{element.exception.type}: {element.exception.message}")
        run.drawn.append(element)
        widget = getattr(drawn, "id", "")
        if kind and widget:
            # "$$ID-<hash>-<key>": see streamlit.elements.lib.utils.compute_and_register_element_id
            self.widgets[widget.split("-", 2)[2]] = (widget, kind, message.delta.fragment_id)


def _state(widget: str, kind: str, value: Value) -> WidgetState:
    state = WidgetState(id=widget)
    name = _FIELDS[kind]
    if isinstance(value, tuple):
        getattr(state, name).data.extend(value)
    else:
        setattr(state, name, value)
    return state


@asynccontextmanager
async def tab(
    url: str, page: str = "", query: str = "", cookies: Mapping[str, str] | None = None
) -> AsyncIterator[Tab]:
    """A WebSocket to the server at ``url`` (http://...), for the page at that path; nothing has run yet."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}
    async with connect(
        url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=url,  # type: ignore[arg-type]  # a NewType of str
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers=headers if cookies else None,
        max_size=None,
        compression=None,
    ) as connection:
        yield Tab(connection, page, query)
