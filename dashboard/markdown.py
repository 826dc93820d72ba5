"""Text of others, drawn as text: the one way to put it into Markdown, which every label of Streamlit's is too.

A backslash keeps a sign from Markdown. But Streamlit also looks through the text that comes out, where no backslash
is left: for addresses, which it makes links, for ``:shortcodes:`` and ``:material/icons:``, for arrows. Between the
signs of those stands a directive that draws nothing: what is read, copied or typed is the text, and neither half
means anything.
"""

from __future__ import annotations

import re

_MEANING = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~$:<&^=])")
_NOTHING = ":small[]"
_SPLIT = re.compile(
    r"""
    (?<=:)(?=//|material/|[\w+-]+:)         # https://, :material/check:, :smile:
    | (?<=www)(?=\.)
    | (?<=@)(?=[\w.+-])                     # somebody@example.com
    | (?<=[-<>~=])(?=[-<>~=])               # -> <- <-> -- >= <= ~=
    """,
    re.VERBOSE | re.IGNORECASE,
)


def plain(text: str) -> str:
    """``text`` on one line, in which nothing has a meaning for Markdown or for Streamlit."""
    parts = _SPLIT.split(" ".join(text.split()))
    return _NOTHING.join(_MEANING.sub(r"\\\1", part) for part in parts)


def error_text(sentence: str) -> str:
    """A sentence as it stands under the field it is about."""
    return f":red[:material/error: {plain(sentence)}]"
