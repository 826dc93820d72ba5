"""The details of an entry, as whoever reads the log is told them: no codes, and nothing of English in Dutch."""

from __future__ import annotations

import pytest

from core import clock
from core.accounts.roles import Role
from core.audit.detail_words import PLACES, detail_words
from core.audit.listing import AuditRow
from core.i18n import language
from core.registrations.issues import IssueKind
from core.registrations.outcomes import Outcome
from core.tokens.rekeying import ARCHIVE, JOURNAL
from core.tokens.sealed import SEALED


def _row(event: str, detail: str) -> AuditRow:
    return AuditRow(1, clock.now(), event, None, "shell", "", "", "done", detail, "", "")


@pytest.mark.parametrize(
    ("event", "detail", "words"),
    [
        ("action.refused", "confirmation needed", "Moest eerst bevestigen"),
        ("action.refused", "role account_manager", "Als accountmanager"),
        ("administrations.linked", "+12 +77 -9", "Gekoppeld (2): 12, 77; Niet meer gekoppeld (1): 9"),
        ("administrations.linked", "-9", "Niet meer gekoppeld (1): 9"),
        ("administrations.linked", "+12 +7…", "+12 +7…"),
        ("alarm.retried", "support 1", "Aan support (1)"),
        ("alarm.tested", "owner", "Aan de eigenaar"),
        ("audit.verified", "1204", "1204 regels"),
        ("audit.verified", "cut_off 17", "Niet zoals het geschreven is: regel 17"),
        ("check.requested", "3", "3 registraties"),
        ("confirmation.failed", "locked", "Geblokkeerd na te veel pogingen"),
        ("confirmation.given", "provider", "Met single sign-on"),
        ("consent.failed", "refused", "Toestemming geweigerd"),
        ("database.seeded", "10 40", "10 registraties, 40 administraties"),
        ("database.upgraded", "v0003 v0004", "Van v0003 naar v0004"),
        ("export.begun", "search=sm it=h status=attention active=True",
         "zoekt: sm it=h, status: Aandacht nodig, actief: ja"),
        ("export.ended", "1", "1 regel"),
        ("invitation.used", "reset", "Nieuw wachtwoord"),
        ("issue.snoozed", "lapsed 2026-12-01", "De toestemming is vervallen, tot 1 dec 2026"),
        ("keys.forgotten", "grants.access_token 2, grants.refresh_token 3, second_factors.secret 1",
         "toestemmingen 3, tweestapsverificaties 1"),
        ("keys.rotated", "begun", "Begonnen"),
        ("keys.rotated", "ended: nothing to do", "Klaar: niets te doen"),
        ("operator.added", "admin", "Beheerder"),
        ("operator.invited", "again", "Nog een keer"),
        ("operator.role_changed", "support → account_manager", "Support → Accountmanager"),
        ("registration.edited", "name note", "Naam, Notitie"),
        ("second_factor.off", "taken away", "Door een ander uitgezet"),
        ("session.ended", "all others", "Alle andere sessies"),
        ("session.ended", "session 12", "Sessie 12"),
        ("sign_in", "second factor: wrong code", "Onjuiste code van de tweestapsverificatie"),
        ("sign_in", "wrong password", "Onjuist wachtwoord"),
        ("tokens.recovered", "2 3", "2 antwoorden uit het journaal, 3 toestemmingen"),
    ],
)  # fmt: skip
def test_a_code_is_told_in_words(event: str, detail: str, words: str) -> None:
    with language("nl"):
        assert detail_words(_row(event, detail)) == words


@pytest.mark.parametrize(
    "event",
    [
        "operator.invited",
        "export.begun",
        "issue.snoozed",
        "keys.rotated",
        "alarm.retried",
        "sign_in",
        "later.on",
    ],
)
def test_what_nobody_knows_stays_as_it_was_written(event: str) -> None:
    assert detail_words(_row(event, "it was so")) == "it was so"


def test_no_code_of_ours_is_shown_bare() -> None:
    places = {sealed.table.name for sealed in SEALED} | {JOURNAL, ARCHIVE}
    assert places <= set(PLACES)
    codes = [("operator.added", role.value) for role in Role]
    codes += [("consent.failed", outcome.value) for outcome in Outcome]
    codes += [("issue.snoozed", f"{kind.value} 2026-12-01") for kind in IssueKind]
    with language("nl"):
        for event, code in codes:
            words = detail_words(_row(event, code))
            assert words != code
            assert "_" not in words
            assert "{" not in words
