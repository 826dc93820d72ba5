"""What a browser says that its widgets hold is only believed when a widget of that kind could hold it.

Streamlit takes any value for any widget: a number for a text field, or JSON that is none. The page, or Streamlit
itself, then falls over at an unforeseen type. Such a value is none at all: the widget has the one it began with.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from streamlit.runtime.state.session_state import Serialized, Value, WStates

_as_it_was = WStates.__getitem__


def check_values() -> None:
    """From now on, in this process."""
    WStates.__getitem__ = _checked  # type: ignore[method-assign]


def _checked(states: WStates, key: str) -> Any:  # noqa: ANN401 - as Streamlit declares it
    held, known = states.states.get(key), states.widget_metadata.get(key)
    if not isinstance(held, Serialized) or known is None:
        return _as_it_was(states, key)
    if held.value.WhichOneof("value") in {known.value_type, None}:
        with suppress(Exception):  # whatever it holds then, no widget of ours wrote it
            return _as_it_was(states, key)
    # Put in its place and not taken away: whoever asks may be walking through all of them.
    states.states[key] = Value(known.deserializer(None))
    return _as_it_was(states, key)
