"""A hash knows its password and no other. What may be chosen: tests/security/test_sign_in.py."""

from __future__ import annotations

import unicodedata

import bcrypt
import pytest

from core.accounts.passwords import check_password, hash_password, verify_password
from core.errors import InvalidInput


def test_a_hash_knows_its_password_and_no_other() -> None:
    stored = hash_password("a herring in the tea")
    assert verify_password("a herring in the tea", stored)
    assert not verify_password("a herring in the sea", stored)


def test_a_password_with_spaces_around_it_is_another_one() -> None:
    assert not verify_password("a herring in the tea ", hash_password("a herring in the tea"))


def test_one_longer_than_bcrypt_reads_is_wrong_and_raises_nothing() -> None:
    assert not verify_password("h" * 73, hash_password("h" * 72))


def test_nobody_without_a_password_can_be_guessed() -> None:
    assert not verify_password("", None)
    assert not verify_password("a herring in the tea", None)


@pytest.mark.parametrize("chosen", ["een café in Zürich", "ﬁets ①② op de dijk", "een\u00a0harde wachtzin"])
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_keyboard_that_sends_other_signs_for_the_same_lets_in(chosen: str, form: str) -> None:
    for stored in (hash_password(chosen), hash_password(unicodedata.normalize("NFD", chosen))):
        assert verify_password(unicodedata.normalize(form, chosen), stored)  # type: ignore[arg-type]
        assert not verify_password(unicodedata.normalize(form, chosen + "e"), stored)  # type: ignore[arg-type]


def test_a_password_chosen_before_passwords_were_normalised_still_lets_in() -> None:
    typed = unicodedata.normalize("NFD", "een café in Zürich")
    assert verify_password(typed, bcrypt.hashpw(typed.encode(), bcrypt.gensalt(4)).decode())


def test_what_may_be_chosen_is_looked_at_as_it_is_kept() -> None:
    check_password("een café in Zürich, of twee")
    with pytest.raises(InvalidInput, match="begin or end"):
        check_password("een lange zin\u3000")
    with pytest.raises(InvalidInput, match="too long"):
        check_password("ﷺ" * 12)
    with pytest.raises(InvalidInput, match="often guessed"):
        check_password("ｐａｓｓｗｏｒｄ１２３４")


def may_be_chosen(password: str, *own_words: str) -> bool:
    try:
        check_password(password, *own_words)
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize(
    ("password", "may"),
    [
        ("zq4 vm8 tk2x", True),  # twelve
        ("zq4 vm8 tk2", False),
        ("zq4vm8tk2" * 8, True),  # 72 bytes, and what is repeated is long enough
        ("zq4vm8tk2" * 8 + "z", False),
        ("é" * 10 + "zq4 vm8 tk2x" * 4 + "zqvm", True),  # 72 bytes in 62 letters
        ("é" * 11 + "zq4 vm8 tk2x" * 4 + "zqvm", False),
        ("password1234", False),
        ("password12345678", False),  # eight around it
        ("password123456789", True),
        ("1234password5678", False),
        ("PASSWORD!!!!", False),
        ("zqvmzqvmzqvm", False),  # four repeated
        ("zqvmkzqvmkzqvmk", True),
        ("letmeinletmein", False),
        ("135791357913", False),
        ("acegikmoqsuwy", False),
        ("zyxwvutsrqponm", False),
        ("a-b-c-d-e-f-g", True),
        ("clickker connections", False),
        ("clickker connections 2026", False),
    ],
)
def test_what_may_be_chosen_at_its_limits(password: str, may: bool) -> None:
    assert may_be_chosen(password) is may


def test_ones_own_words_are_guessed_first() -> None:
    words = ("alice.van.dijk@clickker.nl", "alice.van.dijk", "Alice van Dijk", "")
    for password in ("ALICE.van.dijk", "alice van dijk 2026", "alice.van.dijk@clickker.nl"):
        assert not may_be_chosen(password, *words)
        assert may_be_chosen(password)


@pytest.mark.parametrize("password", ["x" * 73, "é" * 37, "a\x00b", " a"])
def test_what_bcrypt_would_cut_is_wrong_even_where_nothing_was_typed_before(password: str) -> None:
    assert not verify_password(password, hash_password(""))
    assert verify_password("", hash_password(""))


@pytest.mark.parametrize("password", ["x" * 72, "é" * 36])
def test_the_longest_that_bcrypt_reads_lets_in(password: str) -> None:
    assert verify_password(password, hash_password(password))
