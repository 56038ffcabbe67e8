"""Alert sources: who may post, and with which token."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.config.schema import Config
from gateway.model.audit import COMMAND_LINE, Actor
from gateway.model.event import Severity
from gateway.model.license import AlertSource, SourceKind
from gateway.ports.record import Record, UnitOfWork
from gateway.services import examples
from gateway.services.audit import note_change
from gateway.services.checked import name_of
from gateway.services.exceptions import TokenNotKeptError, UnknownSourceError
from gateway.services.intake import Accepted, Alert, accept
from gateway.services.tenants import require_license
from gateway.services.tokens import SourceTokens, make_token

# How long a token that was replaced is still taken, so that the sender can be changed without losing an alert.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source whose token was just made, with that token."""

    source: AlertSource
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """What to change of a source; ``None`` leaves a value as it is."""

    name: str | None = None
    kind: SourceKind | None = None
    severity: Severity | None = None
    enabled: bool | None = None


def add_source(
    record: Record,
    tokens: SourceTokens,
    *,
    license_id: int,
    kind: SourceKind,
    name: str,
    at: datetime,
    severity: Severity = Severity.WARN,
    by: Actor = COMMAND_LINE,
) -> NewSource:
    """Record a new alert source and return it with its token. Raises ``ServiceError``."""
    token = make_token()
    with record.write() as work:
        require_license(work, license_id)
        source = AlertSource(
            id=0,
            license_id=license_id,
            kind=kind,
            name=name_of(name),
            severity=severity,
            enabled=True,
            created_at=at,
        )
        added = work.sources.add(source, token_hash=tokens.hash(token), token_encrypted=tokens.encrypt(token))
        _note(work, by, "source.added", added, at=at, after=added)
        work.commit()
    return NewSource(source=added, token=token)


def list_sources(record: Record, license_id: int) -> Sequence[AlertSource]:
    """Return the license's sources by id. Raises ``UnknownLicenseError``."""
    with record.read() as work:
        require_license(work, license_id)
        return work.sources.of_license(license_id)


def change_source(
    record: Record, source_id: int, change: SourceChange, *, at: datetime, by: Actor = COMMAND_LINE
) -> AlertSource:
    """Change a source. What is disabled is refused from the next post on. Raises ``ServiceError``."""
    with record.write() as work:
        present = _source(work, source_id)
        changed = replace(
            present,
            name=present.name if change.name is None else name_of(change.name),
            kind=change.kind or present.kind,
            severity=change.severity or present.severity,
            enabled=present.enabled if change.enabled is None else change.enabled,
        )
        work.sources.update(changed)
        _note(work, by, "source.changed", changed, at=at, before=present, after=changed)
        work.commit()
    return changed


def rotate_token(
    record: Record,
    tokens: SourceTokens,
    *,
    source_id: int,
    at: datetime,
    overlap: timedelta = OVERLAP,
    by: Actor = COMMAND_LINE,
) -> NewSource:
    """Give the source another token; the present one is still taken for ``overlap``. Raises ``UnknownSourceError``.

    A token that was replaced before that ends now.
    """
    token = make_token()
    with record.write() as work:
        source = _source(work, source_id)
        until = at + overlap if overlap else None
        work.sources.replace_token(
            source_id,
            token_hash=tokens.hash(token),
            token_encrypted=tokens.encrypt(token),
            former_until=until,
        )
        _note(work, by, "source.token_rotated", source, at=at, after={"former_token_until": until})
        work.commit()
    return NewSource(source=source, token=token)


def reveal_token(
    record: Record, tokens: SourceTokens, *, source_id: int, at: datetime, by: Actor = COMMAND_LINE
) -> NewSource:
    """Return the source with its token, and enter that in the audit log.

    Raises ``UnknownSourceError``, and ``TokenNotKeptError`` where no copy was kept or it cannot be read.
    """
    with record.write() as work:
        source = _source(work, source_id)
        encrypted = work.sources.token_encrypted(source_id)
        token = None if encrypted is None else tokens.decrypt(encrypted)
        if token is None:
            raise TokenNotKeptError(source.name)
        _note(work, by, "source.token_shown", source, at=at)
        work.commit()
    return NewSource(source=source, token=token)


def forget_tokens(record: Record) -> int:
    """Delete the copies of all tokens, which then cannot be shown again; return how many there were."""
    with record.write() as work:
        forgotten = work.sources.forget_tokens()
        work.commit()
    return forgotten


def send_test_alert(
    record: Record, config: Config, *, source_id: int, at: datetime, by: Actor = COMMAND_LINE
) -> Accepted:
    """Take a test alert as if the source had posted it: it escalates as any other. The caller wakes the engine.

    Raises ``UnknownSourceError``, ``InvalidTokenError`` for a disabled source, ``LicenseInactiveError``.
    """
    with record.write() as work:
        source = _source(work, source_id)
        token_hash = work.sources.token_hash(source_id)
        _note(work, by, "source.tested", source, at=at)
        work.commit()
    example = examples.of_kind(source.kind)
    alert = Alert(
        title=f"Test: {example.title}",
        body=f"This is a test alert, sent by {by.name}. {example.body}",
        severity=source.severity,
        dedup_key=f"test-{secrets.token_hex(8)}",
    )
    return accept(record, config=config, token_hash=token_hash, alert=alert, now=at)


def send_example(
    record: Record, config: Config, *, source_id: int, kind: SourceKind, at: datetime, by: Actor = COMMAND_LINE
) -> Accepted:
    """Take the example of a kind exactly as if the source had posted it. The caller wakes the engine.

    Raises ``UnknownSourceError``, ``InvalidTokenError`` for a disabled source, ``LicenseInactiveError``.
    """
    with record.write() as work:
        source = _source(work, source_id)
        token_hash = work.sources.token_hash(source_id)
        _note(work, by, "source.tested", source, at=at, after={"example": kind})
        work.commit()
    example = examples.of_kind(kind)
    alert = Alert(
        title=example.title,
        body=example.body,
        severity=Severity(example.severity),
        dedup_key=example.dedup_key,
        payload=json.dumps(dict(example.payload), ensure_ascii=False),
    )
    return accept(record, config=config, token_hash=token_hash, alert=alert, now=at)


def _source(work: UnitOfWork, source_id: int) -> AlertSource:
    source = work.sources.get(source_id)
    if source is None:
        raise UnknownSourceError(source_id)
    return source


def _note(
    work: UnitOfWork,
    by: Actor,
    action: str,
    source: AlertSource,
    *,
    at: datetime,
    before: object = None,
    after: object = None,
) -> None:
    target = f"source {source.id}, {source.name}"
    note_change(work, by, action, target, at=at, license_id=source.license_id, before=before, after=after)
