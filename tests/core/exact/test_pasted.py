"""Messages as people paste them: quoted, wrapped, escaped, in the middle of a mail, or with bad intent."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exact.diagnosis import SHOWN_LENGTH, diagnose, sentence_for
from core.exact.kinds import FailureKind
from core.exact.pasted import without_secrets

MAILS: dict[str, tuple[str, str]] = {
    "quoted and wrapped": (
        "old_refresh_token",
        "Goedemiddag,\n\nSinds vanochtend doet de koppeling het niet meer. Kunt u kijken?\n\n"
        '> {"error":"unauthorized_client",\n>  "error_description":"Old refresh\n> token used."}\n\nGroet, Jan',
    ),
    "quoted twice": (
        "broken_chain",
        "FW: foutmelding\n\n> > Token is not allowed, because\n> > of invalid or empty\n> > chainId\n>\n> groet",
    ),
    "entities": (
        "client_not_found",
        "Wij zien: Client with identifier &#39;4c5f0a1e&#39; not&nbsp;found. Wat nu?",
    ),
    "entities escaped twice": (
        "callback_not_valid",
        "<p>Callback&amp;nbsp;URI &amp;#39;https://x.example/exact/callback&amp;#39; is not valid</p>",
    ),
    "an HTML mail": (
        "outside_division_scope",
        "<div>Hoi,<br>hij zegt <b>Forbidden</b> - User division is <i>not within</i>\r\n division scope.</div>",
    ),
    "an address": (
        "access_denied",
        "Ik kwam op https://c.example/exact/callback?error=access%5Fdenied&error%5Fdescription=x uit en toen niets",
    ),
    "percent signs twice": (
        "broken_chain",
        "?error_description=Token%2520is%2520not%2520allowed%252C%2520because%2520of%2520invalid%2520or%2520empty"
        "%2520chainId",
    ),
    "blanks as plus signs": (
        "too_early",
        "error=access_denied&error_description=Rate+limit+exceeded%3A+access_token+not+expired",
    ),
    "JSON within JSON": (
        "wrong_division",
        r'{"body":"{\r\n\"error\": {\r\n\"code\": \"\", \"message\": {\r\n\"lang\": \"\", \"value\": '
        r'\"Forbidden - WrongDivision\"\r\n}\r\n}\r\n}"}',
    ),
    "JSON broken inside the words": (
        "old_refresh_token",
        r'{"error_description":"Old refresh\r\ntoken used."}',
    ),
    "escaped letters": ("inactive_user", r'{"reason":"\u0049nactiveUser"}'),
    "quoted-printable": (
        "refresh_token_expired",
        "Van: jan@x.example\nOnderwerp: Verbinding verbroken\n\n"
        "The refresh tok=\nen expired at 10/11/2022 9:18:20 PM=20\n",
    ),
    "a mail that tells more than its subject": (
        "licence_expired",
        "Onderwerp: Connection lost\nVerbinding verbroken met Exact Online.\nReason: LicenseExpired\n",
    ),
    "a mail that tells no more than its subject": (
        "connection_lost",
        "Onderwerp: Verbinding verbroken\n\nBeste klant,\nDe verbinding is verbroken. Log opnieuw in.",
    ),
    "capitals and odd blanks": ("blocked_user", "REASON:\u00a0\u200bBLOCKEDUSER\u00ad"),
    "a page of maintenance": (
        "maintenance",
        "Dit kregen wij te zien:\n<!DOCTYPE html><html><head><style>body{color:red}</style></head><body>"
        "<h1>Exact Online is under&nbsp;maintenance</h1></body></html>",
    ),
    "a log line": (
        "minute_used_up",
        "2026-11-02 10:00:01 WARN http 429 {'X-RateLimit-Minutely-Remaining': '0', 'Content-Length': '0'}",
    ),
    "the newest of two": (
        "no_division_access",
        "Nu zegt hij NoDivisionAccess.\n\nOp 3 nov schreef Sanne:\n> Vorige keer was het: Old refresh token used.",
    ),
}


@pytest.mark.parametrize("name", MAILS)
def test_a_message_is_found_in_what_was_pasted(name: str) -> None:
    key, text = MAILS[name]
    assert diagnose(text).rule.key == key


def test_an_older_message_in_the_same_mail_is_named_too() -> None:
    found = diagnose(MAILS["the newest of two"][1])
    assert [rule.key for rule in found.also] == ["old_refresh_token"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "Goedemiddag, wanneer kan ik de factuur van oktober verwachten? Nummer 503, bedrag 429,00.",
        "De klant heeft nummer 401 en belt op 0403-404 500.",
        "Error XJ-77: flux capacitor misaligned",
        "BlockedUserBase and WrongDivisions are other words",
        "onderhoud aan de auto",
    ],
)
def test_what_is_not_known_is_called_unknown(text: str) -> None:
    found = diagnose(text)
    assert not found.known
    assert found.words == " ".join(text.split())


def test_markup_and_control_characters_do_not_reach_the_screen() -> None:
    found = diagnose(
        "\x1b[31m<script>alert(1)</script>Flux\x00 \u202ecapacitor\r\n<img src=x onerror=alert(1)>"
    )
    assert found.words == "alert(1) Flux capacitor"


@pytest.mark.parametrize(
    "secret",
    [
        "stampNL001.gAAAAbcdefg!x-y_z",
        "refresh_token=abcdefgh12345",
        '"client_secret": "hunter2hunter2"',
        "wachtwoord: geheim123",
        "https://c.example/exact/callback?state=x&code=geheim123",
        "A1b2" * 20,
    ],
)
def test_what_looks_like_a_secret_is_not_shown_again(secret: str) -> None:
    shown = diagnose(f"Onbekende fout bij {secret} vandaag").words
    assert "…" in shown
    for part in ("gAAAA", "abcdefgh12345", "hunter2", "geheim123", "A1b2A1b2"):
        assert part not in shown
    assert shown.endswith("vandaag")


def test_the_messages_of_exact_are_no_secrets() -> None:
    said = "Token is not allowed, because of invalid or empty chainId; access_token not expired; code: FLUX_CAPACITOR"
    assert without_secrets(said) == said


@pytest.mark.parametrize(
    "piece",
    [
        "<a",
        "> ",
        "&amp;",
        "%25",
        "\\u0041",
        "client with identifier ",
        "x" * 7,
        "=\n",
        "stampNL001.",
        "\u202e",
        "code=",
    ],
)
def test_a_megabyte_of_anything_is_read_without_harm(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    found = diagnose(text + "Old refresh token used")
    assert not found.known
    assert len(found.words) <= SHOWN_LENGTH


_SCRAPS = st.lists(
    st.sampled_from([*(text for _key, text in MAILS.values()), "%", "&#x", "\\ud800", "<"])
).map("".join)


@given(
    st.one_of(
        st.text(st.characters()), st.text(st.sampled_from("<>&#;%=\\u0049d8/\"'\r\n \x00\x1b[")), _SCRAPS
    ),
    st.sampled_from([None, *FailureKind]),
    st.one_of(st.none(), st.integers()),
)
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_fail(text: str, kind: FailureKind | None, status: int | None) -> None:
    found = diagnose(text, kind, status)
    assert found.known or found.rule.key == "unknown"
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs"} for character in found.words)
    assert sentence_for(text, text)
