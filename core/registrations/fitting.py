"""Whether what Exact shows fits the customer whose registration it is: by name, as people would."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.registrations.linked_elsewhere import UNSEEN
from core.registrations.names import NameMatch, compare_names
from core.registrations.views import AdministrationView, RegistrationView

_ORDER = [NameMatch.SAME, NameMatch.SIMILAR, NameMatch.DIFFERENT]


@dataclass(frozen=True)
class NameComparison:
    """How the name typed compares with the administrations found."""

    match: NameMatch
    closest: str
    """The administration that resembles it most; '' where none was found."""


def compare_name(view: RegistrationView) -> NameComparison:
    """Compare the registration's name with its administrations and their customers at Exact."""
    known = [a for a in view.administrations if a.permitted and a.taken_by != UNSEEN]
    found = [name for a in known for name in (a.name, a.customer_name) if name]
    ranked = sorted(found, key=lambda name: _ORDER.index(compare_names(view.name, name)))
    if not ranked:
        return NameComparison(NameMatch.DIFFERENT, "")
    return NameComparison(compare_names(view.name, ranked[0]), ranked[0])


def fit(view: RegistrationView, administration: AdministrationView) -> NameMatch:
    """How an administration, or its customer at Exact, resembles the registration by name."""
    names = [name for name in (administration.name, administration.customer_name) if name]
    found = [compare_names(view.name, name) for name in names] or [NameMatch.DIFFERENT]
    return min(found, key=_ORDER.index)


def ticked_at_first(view: RegistrationView) -> frozenset[int]:
    """What is linked; before the first choice, what bears the registration's name, or the only one if it is like it.

    Nothing that does not fit: it may be another customer's.
    """
    linked = frozenset(a.code for a in view.linked)
    if linked:
        return linked
    available = [a for a in view.administrations if a.available]
    same = frozenset(a.code for a in available if compare_names(view.name, a.name) is NameMatch.SAME)
    alone = len(available) == 1 and fit(view, available[0]) is not NameMatch.DIFFERENT
    return same or (frozenset({available[0].code}) if alone else frozenset())


def unlike(view: RegistrationView, codes: Collection[int]) -> tuple[AdministrationView, ...]:
    """Those of ``codes`` that would be newly linked and do not resemble the registration: they are asked about.

    Not where one like that is linked: somebody has said of this customer that its books are called otherwise.
    """
    if any(fit(view, a) is NameMatch.DIFFERENT for a in view.linked):
        return ()
    new = (a for a in view.administrations if a.code in codes and not a.linked)
    return tuple(a for a in new if fit(view, a) is NameMatch.DIFFERENT)
