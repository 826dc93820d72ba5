"""Any password of 12 characters goes that is not often guessed; longer than bcrypt reads does not."""

from __future__ import annotations

import pytest

from core.accounts.passwords import check_password, hash_password, verify_password
from core.errors import InvalidInput


@pytest.mark.parametrize(
    "password",
    ["a herring in the tea", "čtyři slova a ryba", "8429 1705 3361", "x" * 2 + "abcdefgh!Q", "m" + "é" * 35],
)
def test_it_takes_any_composition(password: str) -> None:
    check_password(password)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 12"),
        ("eleven chrs", "at least 12"),
        (" a herring in the tea", "begin or end with a space"),
        ("a herring in the tea ", "begin or end with a space"),
        ("h" * 73, "too long"),
        ("a herring " + "é" * 32, "too long"),
        ("a herring\x00in the tea", "cannot be typed"),
        ("passwordpassword", "often guessed"),
        ("Welkom123456!", "often guessed"),
        ("12wachtwoord!!", "often guessed"),
        ("123456789012", "often guessed"),
        ("abcdefghijkl", "often guessed"),
        ("aaaaaaaaaaaa", "often guessed"),
        ("abc1abc1abc1", "often guessed"),
        ("q1w2e3r4t5y6", "often guessed"),
        ("Clickker Connections", "often guessed"),
    ],
)
def test_it_refuses_what_is_weak_or_would_be_cut(password: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        check_password(password)
    assert refused.value.field == "password"


def test_it_refuses_your_own_address_and_name() -> None:
    with pytest.raises(InvalidInput, match="often guessed"):
        check_password("Alice.van.Dijk99", "alice.van.dijk@clickker.nl", "alice.van.dijk", "Alice van Dijk")


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
