"""What the record proves, as it is read from the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.acknowledgement import Acknowledgement
from gateway.model.chain import ChainedEntry, ChainHead


class EvidenceRepository(Protocol):
    """What the record proves."""

    def chain(self, license_id: int, *, after: ChainedEntry | None, limit: int) -> Sequence[ChainedEntry]:
        """Return the next entries of a license's chain as they stand, right or wrong; the first ones for ``None``."""
        ...

    def chain_head(self, license_id: int) -> ChainHead | None:
        """Return what was noted when the chain's last entry was written; ``None`` for a chain without entries."""
        ...

    def chain_length(self, license_id: int) -> int:
        """Return the highest index in the chain, 0 where there is none."""
        ...

    def event_ids(
        self, license_id: int, *, since: datetime | None, until: datetime | None, after: int, limit: int
    ) -> Sequence[int]:
        """Return the license's next events behind the id ``after``, made from ``since`` on and before ``until``."""
        ...

    def acknowledgements(self, event_id: int) -> Sequence[Acknowledgement]:
        """Return all acknowledgements of an event in their order, late ones too."""
        ...
