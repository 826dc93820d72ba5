"""What an entry's details say, in words: the log itself keeps short codes, which stay the same in every language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from babel.dates import format_date

from core.accounts.roles import ROLE_NAMES, Role, role_name
from core.audit.listing import AuditRow
from core.i18n import N_, _, current_language, ngettext
from core.registrations.issues import IssueKind
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.status import Status
from core.registrations.wording import FIELDS, ISSUES, STATUS_WORDS

CODES = {
    "again": N_("Once more"),
    "all": N_("All sessions"),
    "all others": N_("All other sessions"),
    "begun": N_("Begun"),
    "confirmation needed": N_("Had to confirm first who they are"),
    "invite": N_("Invitation"),
    "locked": N_("Locked after too many attempts"),
    "owner": N_("To the owner"),
    "password": N_("With the password"),
    "provider": N_("With single sign-on"),
    "reset": N_("New password"),
    "second factor: locked": N_("Locked after too many codes"),
    "second factor: wrong code": N_("Wrong code of the second factor"),
    "single sign-on": N_("Single sign-on"),
    "support": N_("To support"),
    "taken away": N_("Taken away by somebody else"),
    "wrong password": N_("Wrong password"),
}
FILTERS = {
    "search": N_("search"), "status": N_("status"), "environment": N_("environment"), "owner_id": N_("owner"),
    "active": N_("active"), "sort": N_("sorted by"), "descending": N_("descending"), "who": N_("who"),
    "event": N_("what"), "outcome": N_("outcome"), "first": N_("from"), "last": N_("up to and including"),
}  # fmt: skip
PLACES = {
    "grants": N_("consents"),
    "consents": N_("attempts at consent"),
    "second_factors": N_("second factors"),
    "journal": N_("journal"),
    "archive": N_("archive"),
}


def detail_words(row: AuditRow) -> str:
    """What codes there are as words; everything else as it was written down."""
    detail, worded = row.detail, _BY_EVENT.get(row.event)
    if worded is not None:
        return worded(detail)
    if detail in CODES:
        return _(CODES[detail])
    kind, _blank, rest = detail.partition(" ")
    return _("Session {number}").format(number=rest) if kind == "session" and rest.isdigit() else detail


def _role(detail: str) -> str:
    if detail in ROLE_NAMES:
        return role_name(Role(detail))
    return _(CODES[detail]) if detail in CODES else detail


def _roles(detail: str) -> str:
    return " → ".join(_role(part) for part in detail.split(" → "))


def _refused(detail: str) -> str:
    kind, _blank, role = detail.partition(" ")
    if kind == "role" and role in ROLE_NAMES:
        return _("As {role}").format(role=role_name(Role(role)).lower())
    return _(CODES[detail]) if detail in CODES else detail


def _consent(detail: str) -> str:
    known = {outcome.value for outcome in Outcome}
    return ConsentResult(Outcome(detail)).title if detail in known else detail


def _fields(detail: str) -> str:
    return ", ".join(_(FIELDS[field]) if field in FIELDS else field for field in detail.split())


def _snoozed(detail: str) -> str:
    kind, _blank, until = detail.partition(" ")
    words = {issue.value: title for issue, title in ISSUES.items()}
    words[IssueKind.LAPSES_SOON.value] = N_(
        "The consent lapses soon"
    )  # in how many days is not known any more
    try:
        day = format_date(date.fromisoformat(until), "d MMM y", locale=current_language())
    except ValueError:
        return detail
    return _("{issue}, until {day}").format(issue=_(words[kind]) if kind in words else kind, day=day)


def _filters(detail: str) -> str:
    """Blanks also stand inside of values: what does not begin with a name of ours belongs to the one before."""
    parts: list[str] = []
    for piece in detail.split(" "):
        name, equals, value = piece.partition("=")
        if equals and name in FILTERS:
            parts.append(f"{_(FILTERS[name])}: {_value(name, value)}")
        elif parts:
            parts[-1] += f" {piece}"
        else:
            parts.append(piece)
    return ", ".join(parts)


def _value(name: str, value: str) -> str:
    if name == "status" and value in set(Status):
        return _(STATUS_WORDS[Status(value)])
    return {"True": _("yes"), "False": _("no")}.get(value, value)


def _retried(detail: str) -> str:
    audience, _blank, number = detail.partition(" ")
    return f"{_(CODES[audience])} ({number})" if audience in CODES else detail


def _rows(detail: str) -> str:
    if not detail.isdigit():
        return detail
    return ngettext("{count} row", "{count} rows", int(detail)).format(count=detail)


def _registrations(detail: str) -> str:
    if not detail.isdigit():
        return detail
    return ngettext("{count} registration", "{count} registrations", int(detail)).format(count=detail)


def _verified(detail: str) -> str:
    if detail.isdigit():
        return ngettext("{count} entry", "{count} entries", int(detail)).format(count=detail)
    return _("Not as it was written: entry {number}").format(number=detail.rpartition(" ")[2])


def _keys(detail: str) -> str:
    if detail in CODES:
        return _(CODES[detail])
    ended, _colon, counts = detail.partition(": ") if detail.startswith("ended: ") else ("", "", detail)
    counted = _places(counts)
    return _("Ended: {counts}").format(counts=counted) if ended else counted


def _linked(detail: str) -> str:
    """Numbers with a sign each, as they were linked and let go of; a large change takes several entries."""
    words = detail.split()
    told = (
        (N_("Linked ({count}): {codes}"), [word[1:] for word in words if word.startswith("+")]),
        (N_("No longer linked ({count}): {codes}"), [word[1:] for word in words if word.startswith("-")]),
    )
    if any(len(word) < 2 or word[0] not in "+-" or not word[1:].isdigit() for word in words):  # noqa: PLR2004
        return detail  # as an earlier version wrote it, cut off
    return "; ".join(
        _(said).format(count=len(codes), codes=", ".join(codes)) for said, codes in told if codes
    )


def _places(counts: str) -> str:
    """Of a table with several columns the fullest one is told: that many rows."""
    if counts == "nothing to do":
        return _("nothing to do")
    found: dict[str, int] = {}
    for part in counts.split(", "):
        place, _blank, count = part.rpartition(" ")
        table = place.partition(".")[0]
        if table not in PLACES or not count.isdigit():
            return counts
        found[table] = max(found.get(table, 0), int(count))
    return ", ".join(f"{_(PLACES[table])} {count}" for table, count in found.items())


def _counts(words: str) -> Callable[[str], str]:
    def worded(detail: str) -> str:
        first, _blank, second = detail.partition(" ")
        return _(words).format(first=first, second=second)

    return worded


_BY_EVENT: dict[str, Callable[[str], str]] = {
    "action.refused": _refused,
    "administrations.linked": _linked,
    "alarm.retried": _retried,
    "audit.verified": _verified,
    "check.requested": _registrations,
    "consent.failed": _consent,
    "consent.granted": _consent,
    "database.seeded": _counts(N_("{first} registrations, {second} administrations")),
    "database.upgraded": _counts(N_("From {first} to {second}")),
    "export.begun": _filters,
    "export.ended": _rows,
    "issue.snoozed": _snoozed,
    "keys.forgotten": _keys,
    "keys.rotated": _keys,
    "operator.added": _role,
    "operator.invited": _role,
    "operator.role_changed": _roles,
    "registration.edited": _fields,
    "tokens.recovered": _counts(N_("{first} answers from the journal, {second} consents")),
}
