"""The port of everything that places calls."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from gateway.model.call import CallOutcome, CallQuality, MachinePolicy

# A phone ends every call by itself: an announcement, and a conversation with the operator, last no longer than this.
LONGEST_CALL = timedelta(minutes=10)
LONGEST_HANDOFF = timedelta(hours=4)
# A call says its message so often, and waits so long for a key after each time.
MESSAGE_ROUNDS = 3
KEY_WAIT = timedelta(seconds=4)

ASTERISK = "asterisk"
TWILIO = "twilio"  # the provider, and the name of its only trunk and node: no other trunk may be called so


def provider_of(trunk: str) -> str:
    """Return who carries the calls of a trunk: Twilio those of the trunk of its name, Asterisk all others."""
    return TWILIO if trunk == TWILIO else ASTERISK


class Prompt(StrEnum):
    """The fixed sentences of a call, by the name of their file."""

    MENU = "menu"  # "Press 1 to acknowledge, 2 to speak to a person."
    NOT_UNDERSTOOD = "not_understood"
    NOTED = "noted"  # 1 was pressed, and nobody told yet who was first: "Noted. Thank you."
    CONNECTING = "connecting"  # 2 was pressed
    NO_OPERATOR = "no_operator"  # 2 was pressed, and there is nobody to connect to
    GOODBYE = "goodbye"
    ENTER_PIN = "enter_pin"  # 1 was pressed by somebody who has a PIN: "Enter your PIN, then the hash key."
    WRONG_PIN = "wrong_pin"
    OPERATOR_BUSY = "operator_busy"  # 2 was pressed, and the operator's line is busy
    OPERATOR_ABSENT = "operator_absent"  # or nobody took it


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """One leg to place: ``announcement`` and ``prompts`` are WAV files in the callee's language.

    ``longest`` is how long it takes at most, unless the callee speaks to the operator.
    ``pin_wanted``: 1 counts only with a PIN behind it, which the gateway checks. ``whisper`` is what the operator
    hears before they are connected. ``machine`` says what to do where a machine seems to answer.
    Alert text never goes to the phone system: only ids, numbers and the names of files do.
    """

    call_id: str
    trunk: str
    to_number: str
    ring_timeout: timedelta
    language: str
    announcement: Path
    prompts: Mapping[Prompt, Path]
    handoff_number: str | None = None
    longest: timedelta = LONGEST_CALL
    pin_wanted: bool = False
    whisper: Path | None = None
    machine: MachinePolicy = MachinePolicy.IGNORE


@dataclass(frozen=True, slots=True)
class CallRinging:
    """The callee's phone rings; ``post_dial_delay`` is the time from the INVITE to that, where it was seen."""

    call_id: str
    at: datetime
    post_dial_delay: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The callee, or a machine, has answered."""

    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The callee pressed a key.

    The same press may be reported more than once: ``sequence`` counts a call's keys from 1. ``pin`` are the digits that
    were entered after a 1 where the order wanted a PIN, ``""`` where none were; each PIN counts as a key of its own,
    and whoever is told of it answers: with a last word where it is right, else with ``Phone.refuse_pin``.
    """

    call_id: str
    digit: str
    sequence: int
    at: datetime
    pin: str | None = field(default=None, repr=False)


MESSAGE_LEFT = "message_left"


class OperatorState(StrEnum):
    """How it stands with the human that key 2 asks for."""

    DIALLING = "dialling"
    CONNECTED = "connected"
    BUSY = "busy"
    ABSENT = "absent"
    UNREACHABLE = "unreachable"  # not by this trunk
    ENDED = "ended"  # they have talked


@dataclass(frozen=True, slots=True)
class OperatorReported:
    """The callee asked for a human, and this is how it stands. The same may be reported more than once.

    ``trunk`` is the one through which the operator is called, ``talked`` how long the two were connected.
    """

    call_id: str
    state: OperatorState
    at: datetime
    trunk: str | None = None
    talked: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class MachineDetected:
    """The phone system takes what answered for a machine; ``reason`` is its own word for why.

    ``MESSAGE_LEFT`` as the reason: the message was said to it. ``keys`` were pressed before that was clear, and do not
    count: no machine acknowledges. The same may be reported more than once.
    """

    call_id: str
    at: datetime
    reason: str = ""
    keys: str = ""


NOT_LAID_OUT = "not_laid_out"
TONES_PLAYED = "tones_played"


@dataclass(frozen=True, slots=True)
class SoundsMissing:
    """A call's sounds are missing on its phone system; it is placed all the same.

    ``reason`` is ``NOT_LAID_OUT`` where they could not be brought there, and ``TONES_PLAYED`` where they were not there
    when it was answered, so that tones were played in their place. Why, with the paths, is in the log.
    """

    call_id: str
    at: datetime
    node: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The leg is over. ``outcome`` says what the network told; keys decide the rest.

    An answered leg ends ``NO_KEY`` here, whatever was pressed. ``billed_seconds`` are
    the seconds between answer and hangup, rounded up. ``sip_call_id`` is the INVITE's Call-ID (RFC 3261, 20.8),
    ``caller_id`` the number that we showed, ``audio_sha256`` the SHA-256 of the announcement's file in hexadecimal
    digits; each ``None`` where it is not known. ``post_dial_delay`` is the time from the INVITE to the first sign of
    ringing, or to the answer; ``quality`` what was measured of the audio.
    """

    call_id: str
    at: datetime
    outcome: CallOutcome
    sip_cause: int | None = None
    hangup_cause: int | None = None
    answered_at: datetime | None = None
    billed_seconds: int = 0
    sip_call_id: str | None = None
    caller_id: str | None = None
    audio_sha256: str | None = None
    provider_call_id: str | None = None
    post_dial_delay: timedelta | None = None
    quality: CallQuality | None = None


@dataclass(frozen=True, slots=True)
class CallNeverDialled:
    """The phone system is sure that it never dialled this leg: it may be placed, under the same id."""

    call_id: str


@dataclass(frozen=True, slots=True)
class PhoneNodeUp:
    """A phone system is connected. Its unfinished legs must be looked up with ``Phone.look_up``."""

    node: str


@dataclass(frozen=True, slots=True)
class PhoneNodeDown:
    """The connection to a phone system is lost. Legs in progress go on there."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrunkReported:
    """What is known of the way to a trunk's carrier: whether it answers, and has us registered. ``None``: not told.

    Told beside a phone's reports, by those phones that know.
    """

    trunk: str
    reachable: bool | None = None
    registered: bool | None = None


PhoneReport = (
    CallRinging
    | CallAnswered
    | KeyPressed
    | OperatorReported
    | MachineDetected
    | SoundsMissing
    | CallEnded
    | CallNeverDialled
    | PhoneNodeUp
    | PhoneNodeDown
)
PhoneListener = Callable[[PhoneReport], None]


class Phone(Protocol):
    """Something that places calls. All methods return at once; what happens is told to the listener.

    The listener is called on a thread of the phone's own and must not block.

    An implementation holds: a ``call_id`` is dialled at most once, whatever is lost or
    repeated on the way; nothing is queued while the phone system is out of reach (such an
    order ends in ``TRUNK_TROUBLE`` at once); every order ends in exactly one ``CallEnded``, unless
    the connection is lost, after which ``look_up`` tells; keys are kept until ``forget``.
    """

    def trunks(self) -> Sequence[str]:
        """Return the names of the trunks that could carry a call now, best first."""
        ...

    def node_of(self, trunk: str) -> str:
        """Return the name of the phone system that a trunk belongs to."""
        ...

    def place(self, order: CallOrder) -> None:
        """Dial."""
        ...

    def hang_up(self, call_id: str) -> None:
        """End a leg; no error where it has ended already."""
        ...

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Break into the message of a live leg, play the sound, end the leg. No error where it has ended already."""
        ...

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Tell the callee that their PIN is not right, and ask for it ``again`` or end the leg.

        No error where it has ended already, nor where it was answered already.
        """
        ...

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        """Report what is known of legs whose end was not seen.

        Live ones report ``CallRinging`` or ``CallAnswered`` and are followed from then on,
        with the keys pressed meanwhile; ended ones report their keys and ``CallEnded``.
        """
        ...

    def forget(self, call_id: str) -> None:
        """Drop what the phone system keeps of a leg: its keys and result are in the record."""
        ...
