"""A hash knows its password and no other. What may be chosen: tests/security/test_sign_in.py."""

from __future__ import annotations

from core.accounts.passwords import hash_password, verify_password


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
