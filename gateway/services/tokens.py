"""Tokens: of alert sources, and in acknowledgement links."""

import functools
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

import itsdangerous
from cryptography.fernet import Fernet, InvalidToken

PREFIX = "tsn_"
"""How every source token begins, so that people and secret scanners recognise one."""

_TOKEN_BYTES = 32
_SIGNATURE_BYTES = 16
_LARGEST_ID = 2**63 - 1


def make_token() -> str:
    """Return a new source token: ``tsn_`` and 43 URL-safe characters, 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def hash_token(token: str, key: bytes) -> bytes:
    """Return the keyed hash (HMAC-SHA256) by which a source is found. Any text has one."""
    return hmac.digest(key, token.encode(errors="surrogateescape"), "sha256")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SourceTokens:
    """Hashing and encryption of source tokens with the installation's keys.

    ``encryption_key`` is a Fernet key; without one no encrypted copies are kept.
    """

    hash_key: bytes
    encryption_key: bytes | None = None

    def hash(self, token: str) -> bytes:
        """Return the keyed hash of a token."""
        return hash_token(token, self.hash_key)

    def encrypt(self, token: str) -> bytes | None:
        """Return the copy that is kept beside the hash; ``None`` where copies are not kept."""
        return None if self.encryption_key is None else Fernet(self.encryption_key).encrypt(token.encode())

    def decrypt(self, encrypted: bytes) -> str | None:
        """Return the token of a copy; ``None`` where another key encrypted it, or none is known."""
        if self.encryption_key is None:
            return None
        try:
            return Fernet(self.encryption_key).decrypt(encrypted).decode()
        except InvalidToken:
            return None


@dataclass(frozen=True, slots=True, repr=False)
class LinkSigner:
    """The tokens in acknowledgement links: the link's id and a keyed signature of 128 bits.

    Nobody can make one without the key, so the ids themselves need not be secret. Whether a
    link has expired or was revoked is in the record, not in the token.
    """

    key: bytes
    _signer: itsdangerous.Signer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the signer: BLAKE2s keeps the token short enough for a text message."""
        signer = itsdangerous.Signer(
            self.key,
            sep=".",
            key_derivation="none",
            digest_method=functools.partial(hashlib.blake2s, digest_size=_SIGNATURE_BYTES),
        )
        object.__setattr__(self, "_signer", signer)

    def sign(self, link_id: int) -> str:
        """Return the token of a link, safe in a URL."""
        return self._signer.sign(str(link_id)).decode()

    def read(self, token: str) -> int | None:
        """Return the id of the link that a token names; ``None`` where we did not sign it."""
        try:
            value = self._signer.unsign(token.encode()).decode()
        except (itsdangerous.BadSignature, UnicodeError):
            return None
        return int(value) if value.isascii() and value.isdecimal() and int(value) <= _LARGEST_ID else None
