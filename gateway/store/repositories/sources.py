"""Alert sources in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from gateway.model.event import Severity
from gateway.model.license import AlertSource, SourceKind
from gateway.ports.record import SourceCredentials
from gateway.store.repositories.licenses import license_of
from gateway.store.tables import alert_sources, licenses

_ADD = insert(alert_sources).returning(alert_sources)
_GET = select(alert_sources).where(alert_sources.c.id == bindparam("source_id"))
_BY_TOKEN_HASH = (
    select(alert_sources, licenses)
    .join(licenses, licenses.c.id == alert_sources.c.license_id)
    .where(alert_sources.c.token_hash == bindparam("token_hash"))
)
_BY_FORMER_TOKEN_HASH = (
    select(alert_sources, licenses)
    .join(licenses, licenses.c.id == alert_sources.c.license_id)
    .where(
        alert_sources.c.former_token_hash == bindparam("token_hash"),
        alert_sources.c.former_token_until > bindparam("at"),
    )
    .limit(1)
)
_TOKEN_HASH = select(alert_sources.c.token_hash).where(alert_sources.c.id == bindparam("source_id"))
_TOKEN_COPY = select(alert_sources.c.token_encrypted).where(alert_sources.c.id == bindparam("source_id"))
_UPDATE = update(alert_sources).where(alert_sources.c.id == bindparam("which"))
_OF_LICENSE = (
    select(alert_sources).where(alert_sources.c.license_id == bindparam("license_id")).order_by(alert_sources.c.id)
)


class SqlSources:
    """``SourceRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, source: AlertSource, *, token_hash: bytes, token_encrypted: bytes | None) -> AlertSource:
        """See the port."""
        row = self._connection.execute(
            _ADD,
            {
                "license_id": source.license_id,
                "kind": source.kind.value,
                "name": source.name,
                "severity": source.severity.value,
                "enabled": source.enabled,
                "token_hash": token_hash,
                "token_encrypted": token_encrypted,
                "created_at": source.created_at,
            },
        )
        return _source(row.mappings().one())

    def get(self, source_id: int) -> AlertSource | None:
        """See the port."""
        row = self._connection.execute(_GET, {"source_id": source_id}).mappings().one_or_none()
        return None if row is None else _source(row)

    def by_token_hash(self, token_hash: bytes, at: datetime) -> SourceCredentials | None:
        """See the port."""
        row = self._connection.execute(_BY_TOKEN_HASH, {"token_hash": token_hash}).mappings().one_or_none()
        if row is None:
            former = {"token_hash": token_hash, "at": at}
            row = self._connection.execute(_BY_FORMER_TOKEN_HASH, former).mappings().one_or_none()
        return None if row is None else SourceCredentials(source=_source(row), license=license_of(row))

    def of_license(self, license_id: int) -> Sequence[AlertSource]:
        """See the port."""
        rows = self._connection.execute(_OF_LICENSE, {"license_id": license_id}).mappings()
        return [_source(row) for row in rows]

    def of_licenses(self, license_ids: Collection[int] | None) -> Sequence[AlertSource]:
        """See the port."""
        query = select(alert_sources).order_by(alert_sources.c.license_id, alert_sources.c.id)
        if license_ids is not None:
            query = query.where(alert_sources.c.license_id.in_(sorted(license_ids)))
        return [_source(row) for row in self._connection.execute(query).mappings()]

    def update(self, source: AlertSource) -> None:
        """See the port."""
        values = {
            "name": source.name,
            "kind": source.kind.value,
            "severity": source.severity.value,
            "enabled": source.enabled,
        }
        self._connection.execute(_UPDATE, {"which": source.id, **values})

    def token_hash(self, source_id: int) -> bytes:
        """See the port."""
        found = self._connection.execute(_TOKEN_HASH, {"source_id": source_id}).scalar_one_or_none()
        if found is None:
            raise KeyError(source_id)
        return bytes(found)

    def token_encrypted(self, source_id: int) -> bytes | None:
        """See the port."""
        found = self._connection.execute(_TOKEN_COPY, {"source_id": source_id}).scalar_one_or_none()
        return None if found is None else bytes(found)

    def replace_token(
        self, source_id: int, *, token_hash: bytes, token_encrypted: bytes | None, former_until: datetime | None
    ) -> None:
        """See the port."""
        values = {
            "former_token_hash": None if former_until is None else self.token_hash(source_id),
            "former_token_until": former_until,
            "token_hash": token_hash,
            "token_encrypted": token_encrypted,
        }
        self._connection.execute(_UPDATE, {"which": source_id, **values})

    def forget_tokens(self) -> int:
        """See the port."""
        kept = alert_sources.c.token_encrypted.is_not(None)
        return self._connection.execute(update(alert_sources).where(kept).values(token_encrypted=None)).rowcount


def _source(row: RowMapping) -> AlertSource:
    # A row may hold a license as well, whose columns have some of the same names: columns are named by themselves.
    return AlertSource(
        id=row[alert_sources.c.id],
        license_id=row[alert_sources.c.license_id],
        kind=SourceKind(row[alert_sources.c.kind]),
        name=row[alert_sources.c.name],
        severity=Severity(row[alert_sources.c.severity]),
        enabled=row[alert_sources.c.enabled],
        created_at=row[alert_sources.c.created_at],
    )
