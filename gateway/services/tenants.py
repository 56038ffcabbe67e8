"""Licenses and their contacts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from werkzeug.security import generate_password_hash

from gateway.config.loader import effective_policy
from gateway.config.schema import Config, parse_e164, parse_language
from gateway.model.audit import COMMAND_LINE, Actor
from gateway.model.contact import Contact
from gateway.model.license import License
from gateway.ports.record import Record, UnitOfWork
from gateway.services.audit import note_change
from gateway.services.checked import contact_target, name_of, pin_of, position_among, valid
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError, UnknownTierError

T = TypeVar("T")

_LARGEST_CAP = 10_000_000
_NO_CAP = "unlimited"
_TIERS_CAP = "tier"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseChange:
    """What to change of a license; ``None`` leaves a value as it is, an empty text removes it.

    ``policy`` holds overrides by the configuration's key names; ``None`` as a value removes one.
    ``voice_minutes`` and ``events_per_month`` are a number, ``unlimited``, or ``tier`` for the tier's.
    """

    name: str | None = None
    active: bool | None = None
    tier: str | None = None
    time_zone: str | None = None
    language: str | None = None
    owner_telegram: str | None = None
    handoff_number: str | None = None
    policy: Mapping[str, object | None] | None = None
    voice_minutes: str | None = None
    events_per_month: str | None = None
    overdraft: bool | None = None


def add_license(
    record: Record,
    config: Config,
    *,
    name: str,
    tier: str,
    at: datetime,
    time_zone: str = "UTC",
    language: str = "en",
    owner_telegram: str | None = None,
    handoff_number: str | None = None,
    policy: Mapping[str, object] | None = None,
    voice_minutes: str | None = None,
    events_per_month: str | None = None,
    overdraft: bool = False,
    by: Actor = COMMAND_LINE,
) -> License:
    """Record a new license, active from now on. Raises ``ServiceError``, or ``ConfigError`` for the policy.

    The caps are the tier's unless given as in ``LicenseChange``.
    """
    license_ = _checked(
        License(
            id=0,
            name=name,
            active=True,
            tier=tier,
            time_zone=time_zone,
            language=language,
            owner_telegram=owner_telegram,
            handoff_number=handoff_number,
            created_at=at,
            policy=dict(policy or {}),
            caps=_caps({}, voice_minutes=voice_minutes, events_per_month=events_per_month),
            overdraft=overdraft,
        ),
        config,
    )
    with record.write() as work:
        added = work.licenses.add(license_)
        note_change(work, by, "license.added", license_target(added), at=at, license_id=added.id, after=added)
        work.commit()
    return added


def list_licenses(record: Record) -> Sequence[License]:
    """Return all licenses by id."""
    with record.read() as work:
        return work.licenses.list()


def set_license(
    record: Record,
    config: Config,
    license_id: int,
    change: LicenseChange,
    *,
    at: datetime | None = None,
    by: Actor = COMMAND_LINE,
) -> License:
    """Change a license. Raises as ``add_license`` does. ``at`` is the time for the audit log, by default the present.

    Running escalations keep what they began with, save the voice minutes, which are looked up when they are used.
    """
    with record.write() as work:
        current = require_license(work, license_id)
        policy = dict(current.policy)
        for key, value in (change.policy or {}).items():
            if value is None:
                policy.pop(key, None)
            else:
                policy[key] = value
        changed = replace(
            current,
            name=_or_kept(change.name, current.name),
            active=_or_kept(change.active, current.active),
            tier=_or_kept(change.tier, current.tier),
            time_zone=_or_kept(change.time_zone, current.time_zone),
            language=_or_kept(change.language, current.language),
            owner_telegram=_or_kept(change.owner_telegram, current.owner_telegram),
            handoff_number=_or_kept(change.handoff_number, current.handoff_number),
            policy=policy,
            caps=_caps(current.caps, voice_minutes=change.voice_minutes, events_per_month=change.events_per_month),
            overdraft=_or_kept(change.overdraft, current.overdraft),
        )
        changed = _checked(changed, config)
        work.licenses.update(changed)
        note_change(
            work,
            by,
            "license.changed",
            license_target(changed),
            at=at or datetime.now(UTC),
            license_id=license_id,
            before=current,
            after=changed,
        )
        work.commit()
    return changed


def add_contact(
    record: Record,
    *,
    license_id: int,
    name: str,
    phone: str,
    whatsapp: str | None = None,
    language: str | None = None,
    position: int | None = None,
    pin: str | None = None,
    at: datetime | None = None,
    by: Actor = COMMAND_LINE,
) -> Contact:
    """Record a new contact; without a position it comes last. Raises ``ServiceError``.

    ``whatsapp`` is the phone where absent, ``language`` the license's. The PIN is kept as a
    scrypt hash only.
    """
    checked_phone = valid("phone", parse_e164, phone)
    checked_whatsapp = valid("whatsapp", parse_e164, whatsapp) if whatsapp else checked_phone
    pin_hash = generate_password_hash(pin_of(pin)) if pin else None
    with record.write() as work:
        license_ = require_license(work, license_id)
        # Two contacts that are added at once must not both become the next one.
        work.licenses.lock(license_id)
        contact = Contact(
            id=0,
            license_id=license_id,
            name=name_of(name),
            phone=checked_phone,
            whatsapp=checked_whatsapp,
            language=valid("language", parse_language, language or license_.language),
            position=position_among(work.contacts.of_license(license_id), position),
            has_pin=pin_hash is not None,
        )
        added = work.contacts.add(contact, pin_hash=pin_hash)
        target, when = contact_target(added), at or datetime.now(UTC)
        note_change(work, by, "contact.added", target, at=when, license_id=license_id, after=added)
        work.commit()
    return added


def list_contacts(record: Record, license_id: int) -> Sequence[Contact]:
    """Return the license's contacts in the order in which they are told. Raises ``UnknownLicenseError``."""
    with record.read() as work:
        require_license(work, license_id)
        return work.contacts.of_license(license_id)


def license_target(license_: License) -> str:
    """Return how the audit log names a license."""
    return f"license {license_.id}, {license_.name}"


def _checked(license_: License, config: Config) -> License:
    """Return the license with every value checked and in its usual form."""
    if license_.tier not in config.tiers:
        raise UnknownTierError(license_.tier, list(config.tiers))
    effective_policy(config.policy, license_.policy)
    return replace(
        license_,
        name=name_of(license_.name),
        time_zone=valid("timezone", _zone, license_.time_zone),
        language=valid("language", parse_language, license_.language),
        owner_telegram=valid("owner-telegram", _chat, license_.owner_telegram) if license_.owner_telegram else None,
        handoff_number=valid("handoff-number", parse_e164, license_.handoff_number)
        if license_.handoff_number
        else None,
    )


def _caps(present: Mapping[str, int | None], **given: str | None) -> dict[str, int | None]:
    """Return a license's own caps with those that are given changed."""
    caps = dict(present)
    for name, value in given.items():
        if value == _TIERS_CAP:
            caps.pop(name, None)
        elif value is not None:
            caps[name] = None if value == _NO_CAP else _cap(name, value)
    return caps


def _cap(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) > _LARGEST_CAP:
        problem = f"must be a whole number up to {_LARGEST_CAP}, {_NO_CAP}, or {_TIERS_CAP} for the tier's"
        raise InvalidValueError(name.replace("_", "-"), problem)
    return int(value)


def require_license(work: UnitOfWork, license_id: int) -> License:
    """Return a license. Raises ``UnknownLicenseError``."""
    license_ = work.licenses.get(license_id)
    if license_ is None:
        raise UnknownLicenseError(license_id)
    return license_


def _or_kept(new: T | None, kept: T) -> T:
    return kept if new is None else new


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (OSError, KeyError, ValueError) as error:
        raise ValueError("not a time zone: write as in Europe/Madrid or UTC") from error


def _chat(value: str) -> str:
    # https://core.telegram.org/bots/api#sendmessage: a chat's number, or @ and the name of a public channel.
    if not re.fullmatch(r"-?[1-9]\d{0,19}|@[A-Za-z][A-Za-z0-9_]{3,31}", value):
        raise ValueError("not a Telegram chat: write its number, as in 123456789 or -1001234567890, or @channel")
    return value
