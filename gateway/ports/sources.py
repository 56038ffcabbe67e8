"""Alert sources, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
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

    def by_token_hash(self, token_hash: bytes, at: datetime) -> SourceCredentials | None:
        """Return the source whose token, or whose former one as long as it is taken, has that keyed hash.

        It may be disabled. Its license comes with it.
        """
        ...

    def of_license(self, license_id: int) -> Sequence[AlertSource]:
        """Return the license's sources by id."""
        ...

    def of_licenses(self, license_ids: Collection[int] | None) -> Sequence[AlertSource]:
        """Return the sources of these licenses, with ``None`` of all, by license and id."""
        ...

    def update(self, source: AlertSource) -> None:
        """Store another name, kind, severity, and whether it is enabled."""
        ...

    def token_hash(self, source_id: int) -> bytes:
        """Return the keyed hash of the source's token. Raises ``KeyError`` where there is no such source."""
        ...

    def token_encrypted(self, source_id: int) -> bytes | None:
        """Return the encrypted copy of the source's token, where one is kept."""
        ...

    def replace_token(
        self, source_id: int, *, token_hash: bytes, token_encrypted: bytes | None, former_until: datetime | None
    ) -> None:
        """Store another token. The present one becomes the former one, taken until then; ``None``: from now on not."""
        ...

    def forget_tokens(self) -> int:
        """Delete the encrypted copies of all tokens and return how many there were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPosts:
    """Posts of one source that were refused for one reason, ``count`` of them between ``first_at`` and ``last_at``."""

    license_id: int
    source_id: int
    error: str
    message: str
    address: str | None
    first_at: datetime
    last_at: datetime
    count: int = 1


class RefusedPostRepository(Protocol):
    """Posts with a good token that were refused."""

    def add(self, refused: RefusedPosts, *, join_after: datetime) -> None:
        """Store a refusal: counted with the source's newest where that is alike and not older than ``join_after``."""
        ...

    def of_licenses(self, license_ids: Collection[int] | None, *, limit: int) -> Sequence[RefusedPosts]:
        """Return refusals of these licenses, with ``None`` of all, the newest first."""
        ...

    def of_source(self, source_id: int, *, limit: int) -> Sequence[RefusedPosts]:
        """Return the source's refusals, the newest first."""
        ...

    def prune(self, source_id: int, *, keep: int) -> None:
        """Delete all but the newest of a source."""
        ...
