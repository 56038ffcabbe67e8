"""Passwords of those who sign in, kept as Argon2id hashes."""

from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.services.exceptions import InvalidValueError

# NIST SP 800-63B, section 5.1.1.2: length counts, rules on characters do not.
SHORTEST = 10
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes and verifies, by default with the parameters that RFC 9106 recommends for little memory.

    Verifying takes tens of milliseconds and tens of megabytes, on purpose.
    """

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _nobodys: str = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the hash that stands in for users who do not exist."""
        object.__setattr__(self, "_nobodys", self.hasher.hash("nobody's"))

    def hash(self, password: str) -> str:
        """Return the hash of a new password. Raises ``InvalidValueError`` for one that is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise InvalidValueError("password", f"must have {SHORTEST} to {LONGEST} characters")
        return self.hasher.hash(password)

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password is right. Takes as long where there is no hash, as for an unknown user."""
        try:
            self.hasher.verify(password_hash or self._nobodys, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with weaker parameters than today's."""
        return self.hasher.check_needs_rehash(password_hash)
