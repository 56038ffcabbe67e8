"""What a call says and asks, as it travels through a cloud provider: signed, in the addresses that it calls back.

The process that dials is not the one that the provider asks what to say, and neither need know the other's state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import itsdangerous

from gateway.model.call import MachinePolicy
from gateway.ports.phone import LONGEST_HANDOFF, Prompt

# No call lasts longer, and a provider's last report may be late.
_LIFETIME = LONGEST_HANDOFF + timedelta(hours=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """A ``CallOrder`` without its telephony: the sounds are names of files in the audio directory."""

    call_id: str
    language: str
    announcement: str
    prompts: Mapping[Prompt, str]
    handoff_number: str | None = None
    whisper: str | None = None
    pin_wanted: bool = False
    machine: MachinePolicy = MachinePolicy.IGNORE


@dataclass(frozen=True, slots=True, repr=False)
class ScriptSigner:
    """The tokens that stand for a script, safe in a URL."""

    key: bytes
    lifetime: timedelta = _LIFETIME
    _serializer: itsdangerous.URLSafeTimedSerializer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the serializer."""
        object.__setattr__(self, "_serializer", itsdangerous.URLSafeTimedSerializer(self.key, salt="call script"))

    def sign(self, script: CallScript) -> str:
        """Return the token of a script."""
        flags = [script.language, script.handoff_number, script.whisper, script.pin_wanted, script.machine.value]
        sounds = {prompt.value: name for prompt, name in sorted(script.prompts.items())}
        return str(self._serializer.dumps([script.call_id, *flags, script.announcement, sounds]))

    def read(self, token: str) -> CallScript | None:
        """Return the script; ``None`` where forged or expired."""
        try:
            content = self._serializer.loads(token, max_age=int(self.lifetime.total_seconds()))
        except itsdangerous.BadData:
            return None
        match content:
            case [str(call_id), str(language), handoff, whisper, pin_wanted, str(machine), str(said), dict(sounds)]:
                return CallScript(
                    call_id=call_id,
                    language=language,
                    announcement=said,
                    prompts={Prompt(name): str(sound) for name, sound in sounds.items()},
                    handoff_number=handoff,
                    whisper=whisper,
                    pin_wanted=bool(pin_wanted),
                    machine=MachinePolicy(machine),
                )
        return None
