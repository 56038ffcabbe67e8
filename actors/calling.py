"""What a contact's actor works with while it calls."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from actors.timers import Timer
from gateway.model.call import Call
from gateway.ports import phone
from gateway.services.acknowledge import AckResult
from gateway.services.lines import Line

# What the phone has not reported a while after the longest call, it will not report any more.
_MARGIN = timedelta(minutes=1)
LONGEST_CALL = phone.LONGEST_CALL + _MARGIN
LONGEST_HANDOFF = phone.LONGEST_HANDOFF + _MARGIN

# So long the end of a leg is waited for that should be over: a phone system that is connected tells within this.
LOOKED_UP_WITHIN = timedelta(seconds=30)

# While lines are merely busy a call waits for one; then the ladder goes on.
LINE_WAIT = timedelta(seconds=60)

# So often one looks whether the phone system of a leg that is to be dialled again is in reach.
LOOK_AGAIN_AFTER = timedelta(milliseconds=250)


class Booth(Protocol):
    """Where a call is prepared and its last words are spoken: slow work, done on other threads."""

    def prepare(self, contact_id: int, preparation: int, attempt_ids: tuple[int, ...], way: Line | Call) -> None:
        """Speak the announcement, then tell the dispatcher ``CallPrepared``. Returns at once.

        ``way`` is the line that the call goes through, or a leg that is recorded already and was certainly never
        dialled: the call has its id and its trunk.
        """
        ...

    def confirm(self, call_id: str, contact_id: int, results: tuple[AckResult, ...]) -> None:
        """Tell the callee what their key did, and end the call. Returns at once."""
        ...

    def stand_down(self, call_id: str, contact_id: int) -> None:
        """Tell the callee, in mid-call, that it is over, and end the call. Returns at once."""
        ...


@dataclass(slots=True)
class Leg:
    """The call in progress."""

    call_id: str
    answered: bool = False
    confirming: bool = False  # the callee pressed a key that settled it
    handed_off: bool = False
    withdrawn: bool = False
    timer: Timer | None = None
