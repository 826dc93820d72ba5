"""Of a value that no widget of that kind could hold, a page hears nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import WStates

from dashboard.widget_values import check_values

NAME = "$$ID-0123456789abcdef0123456789abcdef-typed"


@pytest.fixture(autouse=True)
def _checked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WStates, "__getitem__", WStates.__getitem__)
        check_values()
        yield


def held(**value: object) -> object:
    """What a page gets of a text field for which the browser sent this."""

    def read(value: object) -> object:
        if value == "breaks":
            raise ValueError("not what it should be")
        return "as it began" if value is None else value

    states = WStates()
    metadata: WidgetMetadata[object] = WidgetMetadata(
        id=NAME, deserializer=read, serializer=lambda value: value, value_type="string_value"
    )
    states.set_widget_metadata(metadata)
    states.set_widget_from_proto(WidgetState(id=NAME, **value))  # type: ignore[arg-type]
    [(name, value)] = states.items()
    assert name == NAME
    return value


def test_a_text_is_a_text() -> None:
    assert held(string_value="Bakker") == "Bakker"


@pytest.mark.parametrize(
    "odd",
    [
        {"int_value": 7},
        {"bool_value": True},
        {"json_value": "{}"},
        {"bytes_value": b"x"},
        {"string_value": "breaks"},
    ],
)
def test_for_anything_else_it_holds_what_it_began_with(odd: dict[str, object]) -> None:
    assert held(**odd) == "as it began"
