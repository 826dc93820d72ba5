"""When several failures are one incident, and when it is over. Pure: everything is given, nothing is read."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from math import ceil

from core.exact.kinds import Family
from core.settings import Settings
from core.tokens.facts import DOUBT

LADDER = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))
"""Between two rounds of canaries; the last one again and again."""
CANARIES = 2
"""Different logins that must answer again before an incident closes."""


class End(StrEnum):
    """Why an incident is over."""

    ANSWERED = auto()
    """Exact answers, or accepts others: who still fails fails for a reason of their own."""
    NOBODY = auto()
    """Nobody is affected any more."""
    REFUSED = auto()
    """Exact went on refusing and accepted nobody: no trouble that passes."""


def needed(settings: Settings, checked: int) -> int:
    """So many logins must begin to fail alike within minutes, where ``checked`` were checked in the same minutes.

    A share, because passing errors grow with the number of checks: at 10,000 registrations 83 are checked in ten
    minutes, and of 1 % that fail three meet often, seventeen never. Of those that were *checked*, because of all logins
    few are asked in ten minutes, even while nothing answers.
    """
    return max(settings.incident_grants, ceil(settings.incident_share * checked))


def is_patient(tries: int) -> bool:
    """Whether only the affected may end an outage. Later anybody may: their trouble could be their own."""
    return tries <= len(LADDER)


def end_of(
    family: str, tries: int, age: timedelta, *, affected: bool, answered: int, heard: timedelta
) -> End | None:
    """Why an incident that is ``age`` old is over; None while it is not.

    ``answered`` are the logins that Exact has accepted since it began (in its first rounds, of an outage, only of those
    it befell). ``heard`` is how long after its beginning somebody was last befallen by it: refusals end it only when
    one came that late, for while nobody is asked nothing shows.
    """
    doubted = family == Family.REFUSAL and age >= DOUBT
    if not affected:  # whoever is certainly refused is not affected any more
        return End.REFUSED if doubted and not answered else End.NOBODY
    if answered >= (CANARIES if is_patient(tries) else 1):
        return End.ANSWERED
    if not doubted or heard < DOUBT:
        return None
    return End.ANSWERED if answered else End.REFUSED


def next_round(tries: int, now: datetime) -> datetime:
    """When canaries are sent again after ``tries`` rounds."""
    return now + LADDER[min(tries, len(LADDER) - 1)]
