"""Text of others, put into Markdown without its characters meaning anything."""

from __future__ import annotations

import re

_MEANING = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~$:<&^])")


def plain(text: str) -> str:
    """Escape what Markdown, or Streamlit's own directives such as ``:red[...]``, would read as a sign."""
    return _MEANING.sub(r"\\\1", " ".join(text.split()))


def error_text(sentence: str) -> str:
    """A sentence as it stands under the field it is about."""
    return f":red[:material/error: {plain(sentence)}]"
