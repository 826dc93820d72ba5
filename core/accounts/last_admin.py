"""There is always an admin who can really sign in: nobody locks everybody out."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from core.accounts.roles import Role
from core.accounts.ways_in import has_way_in
from core.errors import Conflict, NotFound
from core.i18n import _
from core.settings import Settings
from core.storage.models import Operator


def can_sign_in(settings: Settings) -> ColumnElement[bool]:
    """What makes an operator somebody who can really come in: not disabled, and not merely invited."""
    return and_(Operator.active, has_way_in(settings))


def locked_operator(session: Session, operator_id: int) -> Operator:
    """The operator as it stands now, held until the transaction ends, together with every admin.

    All admins are locked first and in one order, so that two who demote each other at the same moment take turns,
    and the second sees what the first has done. Raises ``NotFound``.
    """
    session.execute(select(Operator.id).where(_is_admin()).order_by(Operator.id).with_for_update()).all()
    operator = session.get(Operator, operator_id, with_for_update=True, populate_existing=True)
    if operator is None:
        raise NotFound(_("There is no such operator."))
    return operator


def keep_an_admin(session: Session, settings: Settings, operator: Operator) -> None:
    """Raise ``Conflict`` when no admin who can sign in is left without ``operator``, whom ``locked_operator`` gave."""
    if operator.role != Role.ADMIN or not operator.active:
        return
    others = (
        select(Operator.id).where(_is_admin(), can_sign_in(settings), Operator.id != operator.id).limit(1)
    )
    if session.scalar(others) is None:
        raise Conflict(_("This is the last admin. Make somebody else an admin first."))


def _is_admin() -> ColumnElement[bool]:
    return Operator.role == Role.ADMIN.value
