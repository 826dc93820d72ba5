"""The audit log in words: what came of verifying it."""

from __future__ import annotations

from collections.abc import Iterator

from core.audit.verifying import How, Verdict
from core.i18n import N_, _, ngettext

BREAKS = {
    How.CHANGED: N_("Entry {sequence} has been changed."),
    How.REMOVED: N_("Entry {sequence} has been removed."),
    How.INSERTED: N_("Entry {sequence} has been put in afterwards."),
    How.REORDERED: N_("Entry {sequence} is not in its place: the order has been changed."),
    How.UNLINKED: N_(
        "Entry {sequence} does not follow on the one before it: one of the two was written anew."
    ),
    How.CUT_OFF: N_("The log has been cut off: entry {sequence} and what came after it are gone."),
    How.REWRITTEN: N_(
        "Entry {sequence} is not the one that was written down outside the database: the log was rewritten."
    ),
    How.HEAD: N_("The database's note of where the log ends does not match entry {sequence}."),
}


def verdict_sentences(verdict: Verdict) -> Iterator[str]:
    """The verdict, and what else is good to know."""
    if verdict.broken is not None:
        yield _(BREAKS[verdict.broken.how]).format(sequence=verdict.broken.sequence)
        yield ngettext(
            "{count} entry before it is unbroken.", "{count} entries before it are unbroken.", verdict.entries
        ).format(count=verdict.entries)
        return
    yield ngettext(
        "{count} entry, unbroken, head {hash}", "{count} entries, unbroken, head {hash}", verdict.entries
    ).format(count=verdict.entries, hash=verdict.hash)
    if not verdict.outside:
        yield _("There is no file outside the database to compare with: a rewritten log would not be found.")
    else:
        yield _("Compared with {count} heads written outside the database.").format(count=verdict.heads)
    if verdict.unreadable:
        yield ngettext(
            "{count} line of that file cannot be read.",
            "{count} lines of that file cannot be read.",
            verdict.unreadable,
        ).format(count=verdict.unreadable)
