"""Test calls and test messages, as the use cases see them in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.trial import Trial, TrialKind, TrialState


class TrialRepository(Protocol):
    """Trials. In a unit of work that writes, whatever is returned is held until its end."""

    def add(self, *, license_id: int, contact_id: int, kind: TrialKind, asked_by: str, asked_at: datetime) -> Trial:
        """Store a new trial and return it."""
        ...

    def get(self, trial_id: int) -> Trial | None:
        """Return a trial."""
        ...

    def update(self, trial: Trial) -> None:
        """Store the trial's present values."""
        ...

    def in_state(self, state: TrialState) -> Sequence[Trial]:
        """Return all trials that are asked for, or begun and not over, in their order."""
        ...

    def newest_of(self, contact_id: int) -> Trial | None:
        """Return the trial of the contact that was asked for last."""
        ...

    def open_of(self, contact_id: int) -> Trial | None:
        """Return the trial of the contact that is not over; there is one at most."""
        ...

    def by_provider_id(self, provider: str, provider_id: str) -> Trial | None:
        """Return the trial whose message the provider knows under that id."""
        ...
