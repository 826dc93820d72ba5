"""Authenticated encryption of what is stored, bound to the place where it is stored (AES-256-GCM).

A ciphertext is: one byte for the format, eight for the key it was made with, twelve of nonce, then the rest. Its
table, column and row are authenticated with it, so that a ciphertext copied to another place does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ClickkerError, SettingsError
from core.i18n import _

KEY_BYTES = 32
EXAMPLE_KEY = base64.b64encode(b"example-key-do-not-use-this-one!").decode()
"""For secrets.toml.example; it is refused."""
_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
HEAD_BYTES = len(_FORMAT) + _ID_BYTES
"""How many bytes of a ciphertext tell its format and its key."""
_FEWEST_DIFFERENT_BYTES = 12
"""32 random bytes have fewer different values less than once in 10^20 times; typed-in ones often do."""


class DamagedSecret(ClickkerError):
    """A stored ciphertext was changed, cut or moved to another place."""


class Vault:
    """Encrypts with the first key, decrypts with whichever key a ciphertext names."""

    def __init__(self, keys: str) -> None:
        """``keys``: keys of 32 bytes in base64, separated by commas.

        Raises ``SettingsError`` when there is none, or one is short, malformed or the example's.
        """
        raw = [_read_key(part.strip()) for part in keys.split(",") if part.strip()]
        if not raw:
            raise SettingsError(
                _(
                    "The encryption key is missing. Make one with “clickker keys generate” and set "
                    "CLICKKER_ENCRYPTION_KEYS."
                )
            )
        self._ciphers = {_key_id(key): AESGCM(key) for key in raw}
        self._first = _key_id(raw[0])
        distinct = {_key_id(key): key for key in raw}
        # Prepared, so that no key lies in an attribute that a repr could show.
        self._fingerprints = [
            hmac.new(_derive(key, b"clickker fingerprint"), digestmod=hashlib.sha256)
            for key in distinct.values()
        ]

    def __repr__(self) -> str:
        return "Vault(…)"

    @staticmethod
    def generate_key() -> str:
        """A new random key in base64, for CLICKKER_ENCRYPTION_KEYS."""
        return base64.b64encode(os.urandom(KEY_BYTES)).decode()

    @property
    def heads(self) -> tuple[bytes, ...]:
        """What a ciphertext begins with that one of our keys opens; the first key's comes first."""
        return tuple(_FORMAT + key_id for key_id in self._ciphers)

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was made with the first key."""
        return sealed[:HEAD_BYTES] == self.heads[0]

    def encrypt(self, plain: str, *, table: str, column: str, row: str | int) -> bytes:
        """The ciphertext of ``plain``, to be stored in that table, column and row and nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        head = _FORMAT + self._first
        sealed = self._ciphers[self._first].encrypt(nonce, plain.encode(), _place(head, table, column, row))
        return head + nonce + sealed

    def decrypt(self, sealed: bytes, *, table: str, column: str, row: str | int) -> str:
        """What was encrypted for that place.

        Raises ``SettingsError`` when the key it was made with is not among ours, ``DamagedSecret`` when it was
        changed or belongs elsewhere.
        """
        start = HEAD_BYTES + _NONCE_BYTES
        head, nonce, rest = sealed[:HEAD_BYTES], sealed[HEAD_BYTES:start], sealed[start:]
        if len(head) < HEAD_BYTES or head[:1] != _FORMAT or len(nonce) < _NONCE_BYTES:
            raise _damaged()
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise _wrong_key(head)
        try:
            return cipher.decrypt(nonce, rest, _place(head, table, column, row)).decode()
        except (InvalidTag, ValueError):
            raise _damaged() from None

    def fingerprint(self, plain: str) -> str:
        """HMAC-SHA256 in hex: tells whether two secrets are the same one without showing either.

        Its key is derived (HKDF) from the first encryption key, so it changes when a new key is put in front: what is
        compared with one that was written down before is ``fingerprints``.
        """
        return self.fingerprints(plain)[0]

    def fingerprints(self, plain: str) -> tuple[str, ...]:
        """What it is called under each key, that of the first key first."""
        called = []
        for prepared in self._fingerprints:
            digest = prepared.copy()
            digest.update(plain.encode())
            called.append(digest.hexdigest())
        return tuple(called)


def key_name(head: bytes) -> str:
    """How people are told of the key that a ciphertext with this head was made with: eight hex digits, no secret."""
    return head[len(_FORMAT) :].hex()[:8]


def _read_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            _("An encryption key is not 32 bytes in base64. Make a good one with “clickker keys generate”.")
        ) from None
    if b"example" in key.lower() or len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise SettingsError(
            _(
                "The encryption key is an example that anybody can know. Make your own with “clickker keys generate”."
            )
        )
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"clickker key id" + key).digest()[:_ID_BYTES]


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)


def _place(head: bytes, table: str, column: str, row: str | int) -> bytes:
    return head + f"{table}|{column}|{row}".encode()


def _damaged() -> DamagedSecret:
    return DamagedSecret(
        _(
            "A stored secret was changed or moved and cannot be read. Tell an admin; the customer has to connect "
            "again."
        )
    )


def _wrong_key(head: bytes) -> SettingsError:
    return SettingsError(
        _(
            "The encryption key that a stored secret was made with is not in the settings (key {key}). Put it back "
            "in CLICKKER_ENCRYPTION_KEYS, after the others."
        ).format(key=key_name(head))
    )
