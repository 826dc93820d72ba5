"""Through which administrations Exact is asked: a list needs a number in its address, and Exact may refuse one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.exact.rows import Division
from core.registrations.overruling import HOUR
from core.settings import Settings
from core.storage.models import Administration


def known_codes(session: Session, registration_id: int, current_division: int | None) -> list[int]:
    """Division numbers to put into the address: Exact may refuse one and accept another (section 5).

    First those that were permitted when Exact last said so, the linked ones before all: no other registration is asked
    for through these. The one that the user has open follows the user's clicks, and may lie outside our consent: asked
    first, it would be refused at each check of each customer behind the login.
    """
    query = (
        select(Administration.code)
        .where(Administration.registration_id == registration_id, Administration.permitted)
        .order_by(Administration.blocking_status != 0, Administration.linked.desc(), Administration.code)
    )
    current = [] if current_division is None else [current_division]
    return list(dict.fromkeys([*session.scalars(query.limit(5)), *current]))


def door(divisions: Sequence[Division], own: Collection[int | None] = ()) -> int | None:
    """A division number through which everything else may be asked: Exact closes those that are blocked.

    One of the registration's ``own`` where there is one: behind an accountant's login, all would ask through the first,
    and use up its calls.
    """
    open_ones = [division.code for division in divisions if not division.blocking_status]
    return next((code for code in open_ones if code in own), next(iter(open_ones), None))


def rests_until(settings: Settings, refused_at: datetime) -> datetime:
    """When the administration that calls without one are booked on may be looked at again after it refused us.

    So seldom that one error of the hour is left: with the last one, nobody behind the login could be checked any more.
    """
    return refused_at + HOUR / max(settings.errors_per_hour - 1, 1) + timedelta(seconds=1)
