"""Alert sources, as the use cases see them in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.model.license import AlertSource, License


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCredentials:
    """A source as its token finds it, with its license. ``token_hash`` was compared by the caller."""

    source: AlertSource
    license: License


class SourceRepository(Protocol):
    """Alert sources."""

    def add(self, source: AlertSource, *, token_hash: bytes, token_encrypted: bytes | None) -> AlertSource:
        """Store a new source (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, source_id: int) -> AlertSource | None:
        """Return a source."""
        ...

    def by_token_hash(self, token_hash: bytes) -> SourceCredentials | None:
        """Return the source with that keyed hash, enabled or not, with its license."""
        ...

    def of_license(self, license_id: int) -> Sequence[AlertSource]:
        """Return the license's sources by id."""
        ...
