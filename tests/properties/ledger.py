"""The ledger of voice seconds, looked at by an eye of its own: nothing is reserved beyond the cap, or settled twice."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Use(NamedTuple):
    """A row of the ledger."""

    id: int
    license_id: int
    month: str
    kind: str
    reference: str
    reserved: int
    used: int | None

    @property
    def counts(self) -> int:
        return self.reserved if self.used is None else self.used


_COUNTS = "SELECT COUNT(*), COUNT(used_seconds), TOTAL(used_seconds), TOTAL(reserved_seconds) FROM voice_uses"
_ROWS = """
SELECT id, license_id, month, kind, reference, reserved_seconds, used_seconds FROM voice_uses ORDER BY id
"""


class Ledger:
    """``cap`` returns a license's voice seconds a month as its last edit left them; ``None`` is without limit."""

    def __init__(self, sql: sqlite3.Connection, cap: Callable[[int], int | None]) -> None:
        self._sql, self._cap = sql, cap
        self._counts: tuple[object, ...] = ()
        self._known: dict[int, Use] = {}

    def look(self) -> Iterator[str]:
        """Yield what is wrong about what was written since the last look."""
        counts = self._sql.execute(_COUNTS).fetchone()
        if counts == self._counts:
            return
        self._counts = counts
        rows = [Use(*row) for row in self._sql.execute(_ROWS)]
        for use in rows:
            before = self._known.get(use.id)
            if before is None:
                yield from self._reserved(use, rows)
            elif before.used is not None and use != before:
                yield f"a use is settled twice: {before}, then {use}"
            elif use._replace(used=None) != before._replace(used=None):
                yield f"a reservation was changed: {before}, then {use}"
            self._known[use.id] = use

    def _reserved(self, use: Use, rows: list[Use]) -> Iterator[str]:
        cap = self._cap(use.license_id)
        others = sum(
            other.counts
            for other in rows
            if (other.license_id, other.month) == (use.license_id, use.month) and other.id < use.id
        )
        if use.reserved <= 0 or (cap is not None and others + use.reserved > cap):
            yield f"{use} was reserved beside {others} seconds under a cap of {cap}"
