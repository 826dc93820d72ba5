"""The one order in which rows are locked: whoever keeps to it never waits for somebody who waits for him.

1. operators, then their sessions and tickets; 2. registrations, by id; 3. consents and customers' links
(``link_claims``); 4. grants, the candidate before the login that it turns out to be; 5. administrations (by code where
they are linked), issues, incidents; 6. budgets of calls, by code; 7. counters, by name; 8. the end of the audit log.
Rows of the last two are written at the commit.

What is decided on a row is read under its lock. On SQLite a transaction has the only write lock from its beginning, and
"FOR UPDATE" is left out there.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from core.registrations.scope import find
from core.storage.models import Grant, Registration


def lock_registrations(
    session: Session, numbers: Collection[int] = (), grants: Collection[str] | Select[str | None] = ()
) -> list[Registration]:
    """Lock these registrations, and all that hang on these grants, by id. As they are now, by id."""
    wanted = or_(Registration.id.in_(numbers), Registration.grant_id.in_(grants))
    query = select(Registration).where(wanted).order_by(Registration.id).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def lock_all_on(session: Session, grant_id: str) -> None:
    """Lock all that hang on a login, however many, without reading them."""
    query = select(Registration.id).where(Registration.grant_id == grant_id).order_by(Registration.id)
    session.scalars(query.with_for_update()).all()


def find_with_login(session: Session, registration_id: int, grant_id: str | None = None) -> Registration:
    """A registration, locked together with all that hang on its login: they are settled together.

    ``grant_id`` where the caller knows the login. Raises ``NotFound``.
    """
    own = select(Registration.grant_id).where(Registration.id == registration_id)
    lock_registrations(session, [registration_id], own if grant_id is None else [grant_id])
    return find(session, registration_id)


def lock_login(session: Session, grant_id: str, exact_user_id: str, registration_id: int = 0) -> Grant | None:
    """Lock all that hang on the login of this Exact user, the registration, and then the grant that a consent gave.

    Returns that grant as it is now; None when it is gone, or somebody has asked already whose it is.
    """
    login = aliased(Grant)
    same = (
        select(login.id)
        .join(Grant, (Grant.environment == login.environment) & (Grant.client_id == login.client_id))
        .where(Grant.id == grant_id, login.live, login.exact_user_id == exact_user_id)
    )
    lock_registrations(session, [registration_id], same)
    candidate = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
    return candidate if candidate is not None and candidate.exact_user_id is None else None
