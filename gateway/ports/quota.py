"""The ledger of what licenses have used of their caps, as the use cases see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.quota import Month, NoticeKind, NoticeState, VoiceSeconds, VoiceUseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceUse:
    """One call or voice note in the ledger of voice seconds.

    ``reference`` is the id of the leg, or of the voice note's attempt. ``used_seconds`` is
    ``None`` until the use is over; until then ``reserved_seconds`` count.
    """

    license_id: int
    month: str
    kind: VoiceUseKind
    reference: str
    reserved_seconds: int
    at: datetime
    used_seconds: int | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceShare:
    """What one contact's calls, or voice notes, of a month come to. ``contact_id`` is ``None`` where none is known."""

    contact_id: int | None
    kind: VoiceUseKind
    uses: int
    seconds: VoiceSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaNotice:
    """What an owner is to be told about a month: ``used`` of ``cap`` (seconds, or events) at ``at``."""

    id: int
    license_id: int
    month: str
    kind: NoticeKind
    used: int
    cap: int
    at: datetime
    state: NoticeState
    tries: int
    due_at: datetime
    sent_at: datetime | None
    reason: str | None


class QuotaRepository(Protocol):
    """What licenses have used of their caps, and what their owners were told of it."""

    def add_use(self, use: VoiceUse) -> None:
        """Store a new use."""
        ...

    def use(self, kind: VoiceUseKind, reference: str) -> VoiceUse | None:
        """Return a use."""
        ...

    def settle(self, kind: VoiceUseKind, reference: str, *, used_seconds: int, at: datetime) -> bool:
        """Store what a use came to, once; tell whether it was this time."""
        ...

    def open_notes(self, before: datetime) -> Sequence[VoiceUse]:
        """Return the voice notes that were begun before then and are not settled."""
        ...

    def voice_seconds(self, license_id: int, month: str) -> VoiceSeconds:
        """Return the sums of the month."""
        ...

    def voice_shares(self, license_id: int, month: str) -> Sequence[VoiceShare]:
        """Return the sums of the month by contact and kind of use."""
        ...

    def count_events(self, license_id: int, month: Month) -> int:
        """Return how many events of the license, throttled ones aside, were created in the month."""
        ...

    def add_notice(
        self, *, license_id: int, month: str, kind: NoticeKind, used: int, cap: int, at: datetime
    ) -> QuotaNotice | None:
        """Store a notice that is to be sent; ``None`` where there is one of that kind for the month already."""
        ...

    def notices(self, license_id: int, month: str) -> Sequence[QuotaNotice]:
        """Return the month's notices in their order."""
        ...

    def due_notices(self, at: datetime) -> Sequence[QuotaNotice]:
        """Return the pending notices whose time has come, oldest first."""
        ...

    def claim_notice(self, notice_id: int, at: datetime) -> bool:
        """Mark a due notice as being sent; of all who claim it at once, one is told ``True``."""
        ...

    def update_notice(
        self,
        notice_id: int,
        *,
        state: NoticeState,
        due_at: datetime | None = None,
        sent_at: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Store what became of a notice; ``due_at`` is when it is tried again, for one that is pending."""
        ...
