"""What a page for people, an XML document or a plain text says: Exact's messages come in those as well."""

from __future__ import annotations

import json

from core.exact.diagnosis import told_kind
from core.exact.pasted import LONGEST, read_pasted, without_secrets

SHOWN = 400
"""Characters in which a message has to stand; what is kept of an error is not much longer."""
_STEP = 200
_BLOCKS = ("script", "style")


def words_of_page(body: bytes) -> str:
    """The text of ``body`` as one line, without markup, scripts and what looks like a secret.

    Of a long one the part in which a message stands that is known; else its beginning.
    """
    text = body[: 4 * LONGEST].decode(json.detect_encoding(body), "replace")[:LONGEST]
    text = text.replace("<![CDATA[", "").replace("]]>", "").replace("<?", "<!")
    return telling_part(without_secrets(read_pasted(_without_blocks(text))))


def telling_part(plain: str) -> str:
    """Of a long text the part in which a message stands that is known; else its beginning."""
    if len(plain) <= SHOWN or told_kind(plain) is None:
        return plain[:SHOWN]
    parts = (plain[start : start + SHOWN] for start in range(0, len(plain), _STEP))
    return next((part for part in parts if told_kind(part) is not None), plain[:SHOWN])


def _without_blocks(text: str) -> str:
    """Without what stands in scripts and styles; one that is not closed goes on to the end."""
    for name in _BLOCKS:
        lowered, kept, at = text.lower(), [], 0
        while (begins := lowered.find(f"<{name}", at)) >= 0:
            kept.append(text[at:begins])
            ends = lowered.find(f"</{name}", begins)
            at = len(text) if ends < 0 else ends
        text = "".join([*kept, text[at:]])
    return text
