"""How much is measured, and where."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. A quick run shows whether it works, not how fast it is.

    ``say`` tells what is being measured; what ``note`` is told, as what is left out, stands beside the figures.
    """

    directory: Path
    quick: bool
    say: Callable[[str], None]
    note: Callable[[str], None]

    def count(self, full: int) -> int:
        """Return how many times to do something."""
        return max(full // 10, 5) if self.quick else full

    def seconds(self, full: float) -> float:
        """Return how long to do something."""
        return max(full / 4, 1.0) if self.quick else full
