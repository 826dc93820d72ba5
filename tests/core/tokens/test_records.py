"""An answer as it lies in the journal: everything of it, sealed, and readable by the versions to come."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from core.exact.errors import ExactError, FailureKind
from core.exact.transport import Answer
from core.tokens.records import OtherForm, Record, Spend, reseal, seal, unseal
from core.tokens.vault import DamagedSecret, Vault

AT = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
REFRESH = Spend("nl", "the-grant", "parent")
CODE = Spend("be", "new-grant", registration_id=7, consent_id="the-consent")
VAULT = Vault(Vault.generate_key())


def answer(body: bytes = b"{}", *, complete: bool = True, **headers: str) -> Answer:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(200, named, body, AT, complete)


def written(**fields: object) -> bytes:
    """A record of these fields, as some version wrote it."""
    whole = {
        "spend": vars(REFRESH),
        "status": 200,
        "headers": {},
        "body": "{}",
        "received_at": AT.isoformat(),
        "complete": True,
    }
    document = {name: value for name, value in (whole | fields).items() if value != "absent"}
    return VAULT.encrypt(json.dumps(document), table="journal", column="answer", row="record")


@pytest.mark.parametrize("spend", [REFRESH, CODE])
@pytest.mark.parametrize("complete", [True, False])
def test_everything_comes_back(spend: Spend, complete: bool) -> None:
    body = bytes(range(256))
    record = Record.of(spend, answer(body, complete=complete, Reason="why", Retry_After="30"))
    assert unseal(VAULT, seal(VAULT, record)) == record
    assert (record.body, record.complete, record.received_at, record.status) == (body, complete, AT, 200)


def test_of_the_headers_those_are_kept_that_say_something_about_tokens() -> None:
    given = answer(Content_Type="text/html", REASON="why", Retry_After="30", Set_Cookie="secret", Server="x")
    assert Record.of(REFRESH, given).headers == {
        "content-type": "text/html",
        "reason": "why",
        "retry-after": "30",
    }
    assert Record.of(REFRESH, answer()).headers == {}


def test_a_code_has_no_parent() -> None:
    assert CODE.exchanging
    assert not REFRESH.exchanging


def test_a_refused_code_is_read_as_one() -> None:
    body = b'{"error":"invalid_request"}'
    for spend, kind in ((CODE, FailureKind.REFUSED), (REFRESH, FailureKind.BAD_REQUEST)):
        record = Record(spend, 400, {}, body, AT)
        with pytest.raises(ExactError) as caught:
            record.pair()
        assert caught.value.kind == kind


def test_half_an_answer_is_read_as_half_an_answer() -> None:
    body = b'{"access_token":"' + b"a" * 40 + b'","refresh_token":"' + b"b" * 40
    assert Record(REFRESH, 200, {}, body + b'"}', AT, complete=False).pair().refresh_token == "b" * 40
    with pytest.raises(ExactError):
        Record(REFRESH, 200, {}, body, AT, complete=False).pair()


def test_what_an_earlier_version_wrote_was_whole() -> None:
    assert unseal(VAULT, written(complete="absent")).complete


@pytest.mark.parametrize(
    "fields",
    [
        {"spend": "absent"},
        {"spend": {"environment": "nl"}},
        {"spend": {**vars(REFRESH), "newer": 1}},
        {"status": "absent"},
        {"headers": "absent"},
        {"body": "absent"},
        {"body": "\u20ac"},
        {"received_at": "soon"},
        {"received_at": 5},
    ],
)
def test_another_form_is_left_to_the_version_that_wrote_it(fields: dict[str, object]) -> None:
    with pytest.raises(OtherForm):
        unseal(VAULT, written(**fields))


def test_a_record_is_sealed_for_the_journal_alone() -> None:
    sealed = seal(VAULT, Record(REFRESH, 200, {}, b"{}", AT))
    with pytest.raises(DamagedSecret):
        VAULT.decrypt(sealed, table="grants", column="refresh_token", row="the-grant")
    assert VAULT.decrypt(sealed, table="journal", column="answer", row="record").startswith("{")


def test_a_record_is_sealed_anew_word_by_word_whatever_its_form() -> None:
    new_key = Vault.generate_key()
    old_key = Vault.generate_key()
    old, both, new = Vault(old_key), Vault(f"{new_key},{old_key}"), Vault(new_key)
    sealed = old.encrypt('{"a form": "to come"}', table="journal", column="answer", row="record")
    again = reseal(both, sealed)
    assert both.is_current(again)
    assert not both.is_current(sealed)
    assert new.decrypt(again, table="journal", column="answer", row="record") == '{"a form": "to come"}'
