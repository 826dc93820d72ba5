"""A new operator's row: one for each e-mail address, also when two admins invite at the same moment."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.i18n import _
from core.storage.models import Operator


def add_row(session: Session, operator: Operator) -> None:
    """Write the row, which then has its id. Raises ``Conflict`` when the address is an operator's already."""
    session.add(operator)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(_("There is already an operator with this e-mail address.")) from None
