"""What a screen showed of a registration, compared with what it is when something is saved to it.

Between a screen and its button somebody else may have made another customer of the row: another tab, a colleague.
No save may land on that. Whoever saves hands over what was seen; None means that nothing was shown, as for the
command line and the demo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ChangedMeanwhile
from core.exact.environments import ENVIRONMENTS, environment_name
from core.i18n import _
from core.registrations.names import NAME_LENGTH, clean_name
from core.registrations.views import RegistrationForm, RegistrationView
from core.registrations.wording import FIELDS, called
from core.storage.models import Administration, Registration

REFERENCE_LENGTH = 50
NOTE_LENGTH = 2000
_WHOSE = ("name", "environment")
"""The fields that say whose registration it is."""


@dataclass(frozen=True)
class Seen:
    """What was shown of a registration: whose it is, and what its customer's consent gave."""

    name: str
    environment: str
    grant_id: str | None = None
    candidate_id: str | None = None
    linked: frozenset[int] = frozenset()
    """Codes of the linked administrations."""


def seen_in(view: RegistrationView) -> Seen:
    """What a page shows that draws ``view``."""
    return Seen(
        view.name,
        view.environment,
        view.grant.id if view.grant else None,
        view.candidate.id if view.candidate else None,
        frozenset(a.code for a in view.linked),
    )


def check_customer(row: Registration, seen: Seen | None) -> None:
    """Raise ``ChangedMeanwhile`` when the row is not the customer any more that was shown."""
    if seen is not None and (clean_name(seen.name), seen.environment) != (row.name, row.environment):
        was, now = _called(clean_name(seen.name), seen.environment), _called(row.name, row.environment)
        raise changed(_("it was {was}, and is {now} now").format(was=was, now=now))


def check_login(row: Registration, seen: Seen | None) -> None:
    """The same, and when the consent is not the one that was shown."""
    check_customer(row, seen)
    if seen is not None and seen.grant_id != row.grant_id:
        raise changed(_("another consent has come, or the one shown has gone"))


def check_candidate(row: Registration, seen: Seen | None) -> None:
    """The same, and when the login that waits for a word is not the one that was shown."""
    check_login(row, seen)
    if seen is not None and seen.candidate_id != row.candidate_grant_id:
        raise changed(_("another login waits for a decision now"))


def check_linked(session: Session, row: Registration, seen: Seen | None) -> None:
    """Raise ``ChangedMeanwhile`` when other administrations are linked than were shown."""
    if seen is None:
        return
    query = select(Administration.code, Administration.name).where(
        Administration.registration_id == row.id, Administration.linked
    )
    linked = session.execute(query.order_by(Administration.name_key)).all()
    if seen.linked != {code for code, _name in linked}:
        now = ", ".join(name for _code, name in linked) or _("none")
        raise changed(_("these administrations are linked now: {names}").format(names=now))


def check_unchanged(row: Registration, form: RegistrationForm, opened: RegistrationForm | None) -> None:
    """Raise ``ChangedMeanwhile`` when saving ``form`` would undo what somebody saved since it was opened.

    It would not where a field was left as it was, unless the field says whose registration this is.
    """
    if opened is None:
        return
    now = form_of(row)
    was, wanted = as_stored(opened, now.environment), as_stored(form, now.environment)
    undone = [
        field
        for field in FIELDS
        if getattr(now, field) not in {getattr(was, field), getattr(wanted, field)}
        and (field in _WHOSE or getattr(wanted, field) != getattr(was, field))
    ]
    if undone and any(field in _WHOSE for field in undone):
        check_customer(row, Seen(was.name, was.environment))
    if undone:
        raise changed(", ".join(_(FIELDS[field]) for field in undone))


def with_news(
    row: RegistrationForm, form: RegistrationForm, opened: RegistrationForm | None
) -> RegistrationForm:
    """``form``, where a field that was left as it was ``opened`` has what the row holds now."""
    if opened is None:
        return form
    untouched = [field for field in FIELDS if getattr(form, field) == getattr(opened, field)]
    return replace(form, **{field: getattr(row, field) for field in untouched})


def form_of(row: Registration) -> RegistrationForm:
    """The details that a row holds, as a form shows them."""
    return RegistrationForm(
        name=row.name,
        environment=row.environment,
        active=row.active,
        reference=row.reference,
        owner_id=row.owner_id,
        note=row.note,
    )


def as_stored(form: RegistrationForm, in_force: str = "") -> RegistrationForm:
    """A form as a row keeps it: cleaned, and cut to what fits.

    An environment that we do not know is left out, unless it is the one ``in_force``.
    """
    return replace(
        form,
        name=clean_name(form.name)[:NAME_LENGTH],
        environment=form.environment if form.environment in {*ENVIRONMENTS, in_force} else "",
        reference=clean_name(form.reference)[:REFERENCE_LENGTH],
        # PostgreSQL keeps no NUL; a socket may send one.
        note=form.note.replace("\x00", "").strip()[:NOTE_LENGTH],
    )


def changed(what: str) -> ChangedMeanwhile:
    """The error that says ``what`` has changed since the screen was opened."""
    return ChangedMeanwhile(_("This has changed since you opened it: {what}.").format(what=what))


def _called(name: str, environment: str) -> str:
    country = environment_name(environment)
    return f"“{called(name)}” ({country})" if country else f"“{called(name)}”"
