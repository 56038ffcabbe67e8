"""What ties a cloud provider's calls to the legs on record."""

from dataclasses import dataclass
from typing import Protocol

from gateway.model.call import Call, CallOutcome
from gateway.ports.phone import CallEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """What a provider says of a call, by itself or asked. ``outcome`` is set once it is over.

    ``duration`` are its connected seconds, ``sip_cause`` the last SIP status that the provider got (RFC 3261).
    ``by_machine``: the provider takes what answered for a machine; ``answered_by`` is its own word for that.
    """

    provider_call_id: str
    is_ringing: bool = False
    is_answered: bool = False
    outcome: CallOutcome | None = None
    sip_cause: int | None = None
    duration: int | None = None
    by_machine: bool = False
    answered_by: str = ""


def end_on_record(call: Call) -> CallEnded | None:
    """Return the report of a leg's end as another process has recorded it; ``None`` for a leg without one."""
    if call.ended_at is None:
        return None
    return CallEnded(
        call_id=call.id,
        at=call.ended_at,
        outcome=call.outcome or CallOutcome.LOST,
        sip_cause=call.sip_cause,
        hangup_cause=call.hangup_cause,
        answered_at=call.answered_at,
        billed_seconds=call.billed_seconds,
        sip_call_id=call.sip_call_id,
        caller_id=call.caller_id,
        audio_sha256=call.audio_sha256,
        provider_call_id=call.provider_call_id,
    )


class ProviderCallBook(Protocol):
    """What is on record of a provider's calls. Every method may raise ``RecordUnavailableError``.

    The provider's callbacks come in at other processes: what those have recorded is found here.
    """

    def find(self, call_id: str) -> Call | None:
        """Return a leg."""
        ...

    def keep(self, call_id: str, provider_call_id: str) -> None:
        """Record under which id the provider has the leg."""
        ...

    def is_taken(self, provider_call_id: str) -> bool:
        """Tell whether a leg is on record under that id."""
        ...
