"""What licenses have used of their caps, in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Connection, RowMapping, bindparam, case, cast, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.quota import Month, NoticeKind, NoticeState, VoiceSeconds, VoiceUseKind
from gateway.ports.quota import QuotaNotice, VoiceShare, VoiceUse
from gateway.store.tables import ACCEPTED_EVENT, PENDING_NOTICE, attempts, calls, events, quota_notices, voice_uses

_ADD_USE = insert(voice_uses).inline()
_THIS_USE = (voice_uses.c.kind == bindparam("this_kind"), voice_uses.c.reference == bindparam("this_reference"))
_USE = select(voice_uses).where(*_THIS_USE)
_OPEN_NOTES = (
    select(voice_uses)
    .where(
        voice_uses.c.used_seconds.is_(None),
        voice_uses.c.kind == VoiceUseKind.VOICE_NOTE.value,
        voice_uses.c.at < bindparam("before"),
    )
    .order_by(voice_uses.c.id)
)
_SETTLE = update(voice_uses).where(*_THIS_USE, voice_uses.c.used_seconds.is_(None))
_OPEN_SECONDS = case((voice_uses.c.used_seconds.is_(None), voice_uses.c.reserved_seconds), else_=0)
_SECONDS = select(
    func.coalesce(func.sum(voice_uses.c.used_seconds), 0).label("used"),
    func.coalesce(func.sum(_OPEN_SECONDS), 0).label("reserved"),
).where(voice_uses.c.license_id == bindparam("license_id"), voice_uses.c.month == bindparam("month"))
# A leg's id is no number, and must not be read as one.
_NOTE_ATTEMPT = case(
    (voice_uses.c.kind == VoiceUseKind.VOICE_NOTE.value, cast(voice_uses.c.reference, BigInteger)), else_=None
)
_USER = func.coalesce(calls.c.contact_id, attempts.c.contact_id)
_SHARES = (
    select(
        _USER.label("contact_id"),
        voice_uses.c.kind,
        func.count().label("uses"),
        func.coalesce(func.sum(voice_uses.c.used_seconds), 0).label("used"),
        func.coalesce(func.sum(_OPEN_SECONDS), 0).label("reserved"),
    )
    .select_from(
        voice_uses.outerjoin(
            calls, (voice_uses.c.kind == VoiceUseKind.CALL.value) & (calls.c.id == voice_uses.c.reference)
        ).outerjoin(attempts, attempts.c.id == _NOTE_ATTEMPT)
    )
    .where(voice_uses.c.license_id == bindparam("license_id"), voice_uses.c.month == bindparam("month"))
    .group_by(_USER, voice_uses.c.kind)
)
_COUNT_EVENTS = select(func.count()).where(
    events.c.license_id == bindparam("license_id"),
    events.c.created_at >= bindparam("starts_at"),
    events.c.created_at < bindparam("ends_at"),
    text(ACCEPTED_EVENT),
)
_ADD_NOTICE = {
    "sqlite": sqlite.insert(quota_notices).on_conflict_do_nothing().returning(quota_notices),
    "postgresql": postgresql.insert(quota_notices).on_conflict_do_nothing().returning(quota_notices),
}
_NOTICES = select(quota_notices).order_by(quota_notices.c.id)
_OF_MONTH = _NOTICES.where(
    quota_notices.c.license_id == bindparam("license_id"), quota_notices.c.month == bindparam("month")
)
_DUE = _NOTICES.where(text(PENDING_NOTICE), quota_notices.c.due_at <= bindparam("now"))
_THIS_NOTICE = quota_notices.c.id == bindparam("this_id")
_CLAIM = (
    update(quota_notices)
    .where(_THIS_NOTICE, text(PENDING_NOTICE), quota_notices.c.due_at <= bindparam("now"))
    .values(state=NoticeState.SENDING.value, tries=quota_notices.c.tries + 1)
)
_UPDATE_NOTICE = update(quota_notices).where(_THIS_NOTICE)


class SqlQuota:
    """``QuotaRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_use(self, use: VoiceUse) -> None:
        """See the port."""
        self._connection.execute(
            _ADD_USE,
            {
                "license_id": use.license_id,
                "month": use.month,
                "kind": use.kind.value,
                "reference": use.reference,
                "reserved_seconds": use.reserved_seconds,
                "used_seconds": use.used_seconds,
                "at": use.at,
                "settled_at": use.settled_at,
            },
        )

    def use(self, kind: VoiceUseKind, reference: str) -> VoiceUse | None:
        """See the port."""
        found = self._connection.execute(_USE, {"this_kind": kind.value, "this_reference": reference})
        row = found.mappings().one_or_none()
        return None if row is None else _use(row)

    def settle(self, kind: VoiceUseKind, reference: str, *, used_seconds: int, at: datetime) -> bool:
        """See the port."""
        which = {"this_kind": kind.value, "this_reference": reference}
        settled = self._connection.execute(_SETTLE, {**which, "used_seconds": used_seconds, "settled_at": at})
        return settled.rowcount == 1

    def open_notes(self, before: datetime) -> Sequence[VoiceUse]:
        """See the port."""
        return [_use(row) for row in self._connection.execute(_OPEN_NOTES, {"before": before}).mappings()]

    def voice_seconds(self, license_id: int, month: str) -> VoiceSeconds:
        """See the port."""
        row = self._connection.execute(_SECONDS, {"license_id": license_id, "month": month}).mappings().one()
        return VoiceSeconds(used=int(row["used"]), reserved=int(row["reserved"]))

    def voice_shares(self, license_id: int, month: str) -> Sequence[VoiceShare]:
        """See the port."""
        rows = self._connection.execute(_SHARES, {"license_id": license_id, "month": month}).mappings()
        return [
            VoiceShare(
                contact_id=row["contact_id"],
                kind=VoiceUseKind(row["kind"]),
                uses=row["uses"],
                seconds=VoiceSeconds(used=int(row["used"]), reserved=int(row["reserved"])),
            )
            for row in rows
        ]

    def count_events(self, license_id: int, month: Month) -> int:
        """See the port."""
        bounds = {"starts_at": month.starts_at, "ends_at": month.ends_at}
        return self._connection.execute(_COUNT_EVENTS, {"license_id": license_id, **bounds}).scalar_one()

    def add_notice(
        self, *, license_id: int, month: str, kind: NoticeKind, used: int, cap: int, at: datetime
    ) -> QuotaNotice | None:
        """See the port."""
        values = {
            "license_id": license_id,
            "month": month,
            "kind": kind.value,
            "used": used,
            "cap": cap,
            "at": at,
            "state": NoticeState.PENDING.value,
            "tries": 0,
            "due_at": at,
        }
        row = self._connection.execute(_ADD_NOTICE[self._connection.dialect.name], values).mappings().one_or_none()
        return None if row is None else _notice(row)

    def notices(self, license_id: int, month: str) -> Sequence[QuotaNotice]:
        """See the port."""
        rows = self._connection.execute(_OF_MONTH, {"license_id": license_id, "month": month}).mappings()
        return [_notice(row) for row in rows]

    def due_notices(self, at: datetime) -> Sequence[QuotaNotice]:
        """See the port."""
        return [_notice(row) for row in self._connection.execute(_DUE, {"now": at}).mappings()]

    def claim_notice(self, notice_id: int, at: datetime) -> bool:
        """See the port."""
        return self._connection.execute(_CLAIM, {"this_id": notice_id, "now": at}).rowcount == 1

    def update_notice(
        self,
        notice_id: int,
        *,
        state: NoticeState,
        due_at: datetime | None = None,
        sent_at: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """See the port."""
        values: dict[str, object] = {"state": state.value, "sent_at": sent_at, "reason": reason}
        if due_at is not None:
            values["due_at"] = due_at
        self._connection.execute(_UPDATE_NOTICE, {"this_id": notice_id, **values})


def _use(row: RowMapping) -> VoiceUse:
    return VoiceUse(
        license_id=row["license_id"],
        month=row["month"],
        kind=VoiceUseKind(row["kind"]),
        reference=row["reference"],
        reserved_seconds=row["reserved_seconds"],
        at=row["at"],
        used_seconds=row["used_seconds"],
        settled_at=row["settled_at"],
    )


def _notice(row: RowMapping) -> QuotaNotice:
    return QuotaNotice(
        id=row["id"],
        license_id=row["license_id"],
        month=row["month"],
        kind=NoticeKind(row["kind"]),
        used=row["used"],
        cap=row["cap"],
        at=row["at"],
        state=NoticeState(row["state"]),
        tries=row["tries"],
        due_at=row["due_at"],
        sent_at=row["sent_at"],
        reason=row["reason"],
    )
