"""A call that the fake Twilio placed, and the person or machine at its other end."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Self

from tests.waiting import patient

HANGS_UP = "hangs up"
LISTENS = "listens"  # stays on the line for as long as the call lasts
NOTHING = ""  # presses no key this time


@dataclass(frozen=True, slots=True)
class Callee:
    """What a number does. Make one with ``picks_up``, ``turns_away`` or ``rings_out``.

    ``steps`` are what they do whenever they are asked for keys: keys, ``NOTHING``, ``LISTENS`` or ``HANGS_UP``. They
    press at once, from the first word on.
    """

    status: str = "completed"
    sip_cause: int | None = None
    ring: float = 0.0
    steps: tuple[str, ...] = ()
    answered_by: str = "human"
    talks: float = 0.0


def picks_up(*steps: str, ring: float = 0.0, answered_by: str = "human", talks: float = 0.0) -> Callee:
    """Answer after ``ring`` seconds, and take these steps. An operator talks for ``talks`` seconds."""
    return Callee(ring=ring, steps=steps, answered_by=answered_by, talks=talks)


def turns_away(status: str, sip_cause: int | None = None) -> Callee:
    """End as ``busy``, ``no-answer`` or ``failed``, with the network's SIP status."""
    return Callee(status=status, sip_cause=sip_cause)


def rings_out() -> Callee:
    """Ring until the time is up."""
    return Callee(status="no-answer", sip_cause=487, ring=3600)


@dataclass(slots=True, eq=False, repr=False)
class VoiceCall:
    """The Call resource, and what happened in the call."""

    account_sid: str
    sid: str
    fields: Mapping[str, str | list[str]]
    callee: Callee
    changed: threading.Condition
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "queued"
    answered_at: float | None = None
    ended_at: datetime | None = None
    wanted: str | None = None  # "canceled" or "completed", by the API
    redirected: str | None = None  # TwiML, by the API
    heard: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    whispered: list[bytes] = field(default_factory=list)
    webhooks: list[tuple[str, Mapping[str, str], int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    sequence: int = 0
    claimed: bool = False

    def __repr__(self) -> str:
        return f"<call to {self.to}: {self.status}>"

    @property
    def to(self) -> str:
        """The number that was called."""
        return str(self.fields["To"])

    @property
    def from_(self) -> str:
        """The number that called."""
        return str(self.fields["From"])

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.ended_at is not None

    @property
    def seconds(self) -> int:
        """The connected seconds, rounded up as Twilio's are."""
        return 0 if self.answered_at is None else int(time.monotonic() - self.answered_at) + 1

    def hears(self, *sounds: Path) -> bool:
        """Whether these sounds were played, in this order, with others between them perhaps."""
        rest = iter(self.heard)
        return all(any(sound.read_bytes() == played for played in rest) for sound in sounds)

    def wait_ended(self, timeout: float = 20) -> Self:
        """Return once the call is over and its last report was taken; ``AssertionError`` where it is not in time."""
        return self._wait(lambda: self.is_over and "final" in self._reported(), timeout, "over")

    def wait_status(self, status: str, timeout: float = 10) -> Self:
        """Return once the call has that status; ``AssertionError`` where it has not in time."""
        return self._wait(lambda: self.status == status, timeout, status)

    def wait_heard(self, sound: Path, timeout: float = 10) -> Self:
        """Return once the sound was played; ``AssertionError`` where it is not in time."""
        return self._wait(lambda: self.hears(sound), timeout, f"told {sound.name}")

    def document(self) -> dict[str, object]:
        """Return the Call resource."""
        over = self.is_over
        return {
            "account_sid": self.account_sid,
            "answered_by": self.callee.answered_by if "MachineDetection" in self.fields and self.answered_at else None,
            "api_version": "2010-04-01",
            "date_created": format_datetime(self.created_at, usegmt=False),
            "date_updated": format_datetime(datetime.now(UTC)),
            "direction": "outbound-api",
            "duration": str(self.seconds) if over and self.status == "completed" else None,
            "end_time": format_datetime(self.ended_at) if self.ended_at else None,
            "from": self.from_,
            "sid": self.sid,
            "start_time": None if self.status == "queued" else format_datetime(self.created_at),
            "status": self.status,
            "subresource_uris": {},
            "to": self.to,
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Calls/{self.sid}.json",
        }

    def _reported(self) -> Sequence[str]:
        final = {"completed", "busy", "failed", "no-answer", "canceled"}
        return ["final" for step, form, _ in self.webhooks if step == "status" and form["CallStatus"] in final]

    def _wait(self, what: Callable[[], bool], timeout: float, words: str) -> Self:
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(what, timeout):
                raise AssertionError(f"the call to {self.to} is {self.status}, not {words}: {self.problems}")
        return self
