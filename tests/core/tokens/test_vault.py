"""What is stored opens with its key in its place, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.tokens.vault import EXAMPLE_KEY, HEAD_BYTES, DamagedSecret, Vault, key_name

# The same at every run: workers that share the tests out must name them alike.
ONE, TWO = (base64.b64encode(hashlib.sha256(name).digest()).decode() for name in (b"one", b"two"))
PLACE = {"table": "grants", "column": "refresh_token", "row": "row-1"}


def test_what_goes_in_comes_out() -> None:
    sealed = Vault(ONE).encrypt("stampNL001.x!I", **PLACE)
    assert Vault(ONE).decrypt(sealed, **PLACE) == "stampNL001.x!I"
    assert b"stampNL001" not in sealed


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(plain: str) -> None:
    vault = Vault(ONE)
    assert vault.decrypt(vault.encrypt(plain, **PLACE), **PLACE) == plain


def test_the_same_secret_never_looks_the_same_twice() -> None:
    vault = Vault(ONE)
    assert vault.encrypt("x", **PLACE) != vault.encrypt("x", **PLACE)


@pytest.mark.parametrize("elsewhere", [{"table": "consents"}, {"column": "access_token"}, {"row": "row-2"}])
def test_a_ciphertext_moved_elsewhere_does_not_open(elsewhere: dict[str, str]) -> None:
    vault = Vault(ONE)
    sealed = vault.encrypt("x", **PLACE)
    with pytest.raises(DamagedSecret, match="changed or moved"):
        vault.decrypt(sealed, **(PLACE | elsewhere))


def test_a_ciphertext_changed_in_any_bit_does_not_open() -> None:
    vault = Vault(ONE)
    sealed = vault.encrypt("secret", **PLACE)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((DamagedSecret, SettingsError)):
            vault.decrypt(bytes(changed), **PLACE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 20, b"\x02" + b"x" * 60])
def test_what_is_no_ciphertext_does_not_open(sealed: bytes) -> None:
    with pytest.raises(DamagedSecret):
        Vault(ONE).decrypt(sealed, **PLACE)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = Vault(ONE).encrypt("x", **PLACE)
    both = Vault(f" {TWO} , {ONE} ,")
    assert both.decrypt(old, **PLACE) == "x"
    assert Vault(TWO).decrypt(both.encrypt("y", **PLACE), **PLACE) == "y"


def test_a_missing_key_is_named_as_such() -> None:
    sealed = Vault(ONE).encrypt("x", **PLACE)
    with pytest.raises(SettingsError, match="CLICKKER_ENCRYPTION_KEYS"):
        Vault(TWO).decrypt(sealed, **PLACE)


@pytest.mark.parametrize(
    "keys",
    [
        "",
        " , ,",
        "short",
        "not base64 at all !!",
        base64.b64encode(b"k" * 31).decode(),
        base64.b64encode(bytes(range(33))).decode(),
        base64.b64encode(b"\0" * 32).decode(),
        base64.b64encode(b"abcdabcdabcdabcdabcdabcdabcdabcd").decode(),
        EXAMPLE_KEY,
        f"{ONE},short",
        f"{ONE[:10]}!{ONE[10:]}",
        f"{ONE},{EXAMPLE_KEY}",
        "ünicode" * 6,
    ],
)
def test_a_missing_short_or_known_key_is_refused(keys: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Vault(keys)
    assert ONE not in caught.value.message


def test_a_key_that_is_made_is_a_good_one_and_new() -> None:
    made = {Vault.generate_key() for _key in range(20)}
    assert len(made) == 20
    assert all(len(base64.b64decode(key)) == 32 and Vault(key) for key in made)


def test_url_safe_base64_is_a_key_too() -> None:
    key = base64.urlsafe_b64encode(bytes(range(224, 256))).decode()
    Vault(key)


def test_a_fingerprint_tells_secrets_apart_without_showing_them() -> None:
    vault = Vault(ONE)
    assert vault.fingerprint("a") == Vault(f"{ONE},{TWO}").fingerprint("a")
    assert vault.fingerprint("a") != vault.fingerprint("b")
    assert vault.fingerprint("a") != Vault(TWO).fingerprint("a")
    assert len(vault.fingerprint("a")) == 64


def test_nothing_shows_the_keys(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vault = Vault(ONE)
    shown = repr(vault) + str(vault) + repr(vars(vault)) + caplog.text
    raw = base64.b64decode(ONE)
    assert ONE not in shown
    assert repr(raw) not in shown
    assert raw.hex() not in shown


def test_what_was_sealed_in_2026_opens_and_is_called_the_same_for_ever() -> None:
    """Format, key ids, places and fingerprints are in every database: a change of any of them loses all tokens."""
    sealed = base64.b64decode("AVy2jbiEGK9tHfFw0pQqPMc4a2TDJ+8K2AFXwot8FAtnrikSgW0+W3pJEwhvJ4d9OynO")
    vault = Vault(f"{TWO},{ONE}")
    assert vault.decrypt(sealed, **PLACE) == "stampNL001.x!I"
    assert Vault(ONE).fingerprint("a") == "e6f084fd50f30b827afdc3f3e116d2b03a610dfc8c2bbe240761252fb9d31536"
    assert Vault(ONE).heads == (bytes.fromhex("015cb68db88418af6d"),)
    assert (HEAD_BYTES, key_name(sealed[:HEAD_BYTES])) == (9, "5cb68db8")


def test_a_ciphertext_tells_whether_the_first_key_made_it() -> None:
    old = Vault(ONE).encrypt("x", **PLACE)
    both = Vault(f"{TWO},{ONE},{TWO}")
    assert both.heads == (*Vault(TWO).heads, *Vault(ONE).heads)
    assert not both.is_current(old)
    assert both.is_current(both.encrypt("x", **PLACE))
    assert both.fingerprints("a") == (Vault(TWO).fingerprint("a"), Vault(ONE).fingerprint("a"))


@pytest.mark.parametrize(("different", "good"), [(11, False), (12, True)])
def test_a_key_has_at_least_twelve_different_bytes(different: int, good: bool) -> None:
    key = base64.b64encode(bytes(number % different for number in range(32))).decode()
    if good:
        Vault(key)
    else:
        with pytest.raises(SettingsError, match="example that anybody can know"):
            Vault(key)


def test_a_key_that_says_example_is_refused_however_written() -> None:
    with pytest.raises(SettingsError, match="example"):
        Vault(base64.b64encode(b"0123456789 an ExAmPlE of a key 9"[:32]).decode())


def test_a_missing_key_is_told_by_its_name() -> None:
    sealed = Vault(ONE).encrypt("x", **PLACE)
    with pytest.raises(SettingsError, match=r"\(key 5cb68db8\)"):
        Vault(TWO).decrypt(sealed, **PLACE)
