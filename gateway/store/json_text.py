"""Values that are kept as JSON text, and how they are read back.

All is written in ASCII: characters that a database refuses in text stand there as escapes.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from gateway.model.call import MachinePolicy
from gateway.model.policy import Policy, Snapshot, SnapshotContact, Tier

_T = TypeVar("_T", Policy, Tier, SnapshotContact)
_MICROSECOND = timedelta(microseconds=1)
_LENGTHS_OF_TIME = frozenset(field.name for field in fields(Policy) if isinstance(field.default, timedelta))
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Policy, Tier, SnapshotContact)}


def dump_object(value: Mapping[str, object]) -> str:
    """Return an object of JSON values as text. Raises ``TypeError`` or ``ValueError`` for anything else."""
    return _ENCODER.encode(value)


def load_object(text: str) -> dict[str, object]:
    """Return the object that ``dump_object`` wrote."""
    value: dict[str, object] = json.loads(text)
    return value


def dump_templates(templates: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return a license's templates, by language and name, as JSON values."""
    return {language: dict(named) for language, named in templates.items()}


def load_templates(text: str) -> dict[str, dict[str, str]]:
    """Return templates from their JSON text."""
    value: dict[str, dict[str, str]] = json.loads(text)
    return value


def dump_snapshot(snapshot: Snapshot) -> str:
    """Return a snapshot as text. Lengths of time are integers, in microseconds."""
    return dump_object(
        {
            "license_name": snapshot.license_name,
            "tier_name": snapshot.tier_name,
            "tier": _values(snapshot.tier),
            "policy": _policy_values(snapshot.policy),
            "contacts": [_values(contact) for contact in snapshot.contacts],
            "language": snapshot.language,
            "time_zone": snapshot.time_zone,
            "owner_telegram": snapshot.owner_telegram,
            "handoff_number": snapshot.handoff_number,
            "templates": dump_templates(snapshot.templates),
        }
    )


# Events of one license share their snapshot until somebody edits the license: it is read, and held, once.
@lru_cache(maxsize=4096)
def load_snapshot(text: str) -> Snapshot:
    """Return the snapshot that ``dump_snapshot`` wrote, in this version or in another.

    A policy key that came after the snapshot was written takes its default; one that is gone since is left out.
    A snapshot from before there were templates has none.
    """
    value = json.loads(text)
    for name in _LENGTHS_OF_TIME & value["policy"].keys():
        value["policy"][name] *= _MICROSECOND
    if "answering_machine" in value["policy"]:
        value["policy"]["answering_machine"] = MachinePolicy(value["policy"]["answering_machine"])
    return Snapshot(
        license_name=value["license_name"],
        tier_name=value["tier_name"],
        tier=_known(Tier, value["tier"]),
        policy=_known(Policy, value["policy"]),
        contacts=tuple(_known(SnapshotContact, contact) for contact in value["contacts"]),
        language=value["language"],
        time_zone=value["time_zone"],
        owner_telegram=value["owner_telegram"],
        handoff_number=value["handoff_number"],
        templates=value.get("templates", {}),
    )


# Most licenses follow the same few policies.
@lru_cache(maxsize=128)
def _policy_values(policy: Policy) -> Mapping[str, object]:
    values = _values(policy)
    return values | {name: getattr(policy, name) // _MICROSECOND for name in _LENGTHS_OF_TIME}


def _values(value: Policy | Tier | SnapshotContact) -> dict[str, object]:
    return {name: getattr(value, name) for name in _NAMES[type(value)]}


def _known(kind: type[_T], values: Mapping[str, Any]) -> _T:
    return kind(**{name: values[name] for name in _NAMES[kind] if name in values})
