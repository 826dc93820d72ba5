"""Names of operators: bounded, and without characters that change what is read around them."""

from __future__ import annotations

import unicodedata

from core.errors import InvalidInput
from core.i18n import _

LONGEST = 100


def check_name(typed: str) -> str:
    """The name, trimmed.

    Raises ``InvalidInput`` for an empty or long one, or one with control or direction characters.
    """
    name = " ".join(typed.split())
    if not name:
        raise InvalidInput(_("Fill in a name."), "name")
    if len(name) > LONGEST:
        raise InvalidInput(_("A name has at most 100 characters."), "name")
    if any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn"} for sign in name):
        raise InvalidInput(_("This name holds a character that cannot be shown."), "name")
    return name


def audited(operator_id: int, email: str) -> str:
    """An operator as the audit log names whom something was done to."""
    return f"operator {operator_id} {email}"
