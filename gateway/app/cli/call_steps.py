"""What a test call says, tells step by step, and comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.app.call_words import as_json
from gateway.channels.asterisk.explain import Explanation
from gateway.model.call import CallOutcome
from gateway.ports.phone import CallEnded, Prompt
from gateway.services.iso import iso


@dataclass(frozen=True, slots=True)
class Words:
    """What the callee may hear, as files."""

    language: str
    announcement: Path
    confirmation: Path
    prompts: Mapping[Prompt, Path]


@dataclass(slots=True)
class Steps:
    """Tells people each step at once, by ``say``, and keeps it for the answer."""

    say: Callable[[str], None]
    taken: list[dict[str, object]] = field(default_factory=list)

    def tell(self, at: datetime, step: str, **detail: object) -> None:
        """Tell one step."""
        self.taken.append({"at": iso(at), "step": step, **detail})
        told = " ".join(f"{key}={_quoted(value)}" for key, value in detail.items() if value is not None)
        self.say(f"{at:%H:%M:%S.%f}  {step} {told}".rstrip())


@dataclass(slots=True)
class Attempt:
    """The call on one trunk. ``ended`` is ``None`` for a trunk that could not be given the call."""

    trunk: str
    dialled_as: str | None
    rang: bool = False
    ended: CallEnded | None = None
    explanation: Explanation | None = None

    def document(self) -> dict[str, Any]:
        """Return it as it stands in the answer."""
        ended = self.ended
        return {
            "trunk": self.trunk,
            "dialled_as": self.dialled_as,
            "outcome": ended.outcome.value if ended else CallOutcome.TRUNK_TROUBLE.value,
            "sip_cause": ended.sip_cause if ended else None,
            "hangup_cause": ended.hangup_cause if ended else None,
            "post_dial_delay_ms": in_ms(ended.post_dial_delay) if ended else None,
            "sip_call_id": ended.sip_call_id if ended else None,
            "explanation": None if self.explanation is None else as_json(self.explanation),
        }


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text


def in_ms(length: timedelta | None) -> int | None:
    """Return a length of time in whole milliseconds; ``None`` for none."""
    return None if length is None else round(length / timedelta(milliseconds=1))
