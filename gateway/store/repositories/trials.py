"""Test calls and test messages in the database."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, text, update

from gateway.model.chain import at_microseconds, microseconds
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStep, TrialStepName
from gateway.store.tables import OPEN_TRIAL, trials

_ADD = insert(trials).returning(trials.c.id)
_GET = select(trials).where(trials.c.id == bindparam("which"))
_UPDATE = update(trials).where(trials.c.id == bindparam("which"))
_IN_STATE = select(trials).where(text(OPEN_TRIAL), trials.c.state == bindparam("which")).order_by(trials.c.id)
_NEWEST = select(trials).where(trials.c.contact_id == bindparam("which")).order_by(trials.c.id.desc()).limit(1)
_OPEN = select(trials).where(text(OPEN_TRIAL), trials.c.contact_id == bindparam("which"))
_BY_PROVIDER_ID = select(trials).where(
    trials.c.provider_id == bindparam("which"), trials.c.provider == bindparam("provider")
)


class SqlTrials:
    """``TrialRepository`` on one connection."""

    def __init__(self, connection: Connection, *, holds: bool) -> None:
        self._connection = connection
        self._holds = holds

    def add(self, *, license_id: int, contact_id: int, kind: TrialKind, asked_by: str, asked_at: datetime) -> Trial:
        """See the port."""
        trial = Trial(
            id=0, license_id=license_id, contact_id=contact_id, kind=kind, asked_by=asked_by, asked_at=asked_at
        )
        trial_id = self._connection.execute(_ADD, _columns(trial)).scalar_one()
        return Trial(
            id=trial_id, license_id=license_id, contact_id=contact_id, kind=kind, asked_by=asked_by, asked_at=asked_at
        )

    def get(self, trial_id: int) -> Trial | None:
        """See the port."""
        return self._one(_GET, trial_id)

    def update(self, trial: Trial) -> None:
        """See the port."""
        self._connection.execute(_UPDATE, {"which": trial.id} | _columns(trial))

    def in_state(self, state: TrialState) -> Sequence[Trial]:
        """See the port."""
        return [_trial(row) for row in self._connection.execute(_IN_STATE, {"which": state.value}).mappings()]

    def newest_of(self, contact_id: int) -> Trial | None:
        """See the port."""
        return self._one(_NEWEST, contact_id)

    def open_of(self, contact_id: int) -> Trial | None:
        """See the port."""
        return self._one(_OPEN, contact_id)

    def by_provider_id(self, provider: str, provider_id: str) -> Trial | None:
        """See the port."""
        return self._one(_BY_PROVIDER_ID, provider_id, provider=provider)

    def _one(self, query: Select[Any], which: int | str, **more: object) -> Trial | None:
        # SQLite has no such lock, and needs none: a transaction that writes is alone.
        held = query.with_for_update(key_share=True) if self._holds else query
        row = self._connection.execute(held, {"which": which, **more}).mappings().one_or_none()
        return None if row is None else _trial(row)


def _columns(trial: Trial) -> dict[str, object]:
    return {
        "license_id": trial.license_id,
        "contact_id": trial.contact_id,
        "kind": trial.kind.value,
        "asked_by": trial.asked_by,
        "asked_at": trial.asked_at,
        "state": trial.state.value,
        "outcome": None if trial.outcome is None else trial.outcome.value,
        "reason": trial.reason,
        "finished_at": trial.finished_at,
        "steps": json.dumps([[step.name.value, microseconds(step.at), dict(step.detail)] for step in trial.steps]),
        "call_id": trial.call_id,
        "provider": trial.provider,
        "provider_id": trial.provider_id,
    }


def _trial(row: RowMapping) -> Trial:
    steps = json.loads(row["steps"])
    return Trial(
        id=row["id"],
        license_id=row["license_id"],
        contact_id=row["contact_id"],
        kind=TrialKind(row["kind"]),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        state=TrialState(row["state"]),
        outcome=None if row["outcome"] is None else TrialOutcome(row["outcome"]),
        reason=row["reason"],
        finished_at=row["finished_at"],
        steps=tuple(
            TrialStep(name=TrialStepName(name), at=at_microseconds(at), detail=detail) for name, at, detail in steps
        ),
        call_id=row["call_id"],
        provider=row["provider"],
        provider_id=row["provider_id"],
    )
