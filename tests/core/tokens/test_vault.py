"""What is stored opens with its key in its place, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.tokens.vault import EXAMPLE_KEY, DamagedSecret, Vault

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
        f"{ONE},{EXAMPLE_KEY}",
        "ünicode" * 6,
    ],
)
def test_a_missing_short_or_known_key_is_refused(keys: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Vault(keys)
    assert ONE not in caught.value.message


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
