"""What a call through Twilio says and asks: the same words, in the same order, as the dialplan's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.ports.phone import KEY_WAIT, LONGEST_HANDOFF, MESSAGE_ROUNDS, Prompt
from gateway.services.call_script import CallScript
from web.callbacks.twiml import Dial, Gather, Hangup, Play, Redirect, Verb

# As in the dialplan: keys before the call is ended, seconds for a PIN and for the operator to answer.
MOST_KEYS = 10
_PIN_WAIT = 8
_OPERATOR_RING = 45
_ASK_AGAIN_AFTER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One call's. ``token`` stands for its script in addresses, which begin with ``base``; ``sound`` gives those of
    files in the audio directory.
    """  # noqa: D205 (one sentence of meaning is longer than a line)

    script: CallScript
    token: str
    base: str
    sound: Callable[[str], str]

    def message(self, *, turn: int, key: int, remark: Prompt | None = None) -> Sequence[Verb]:
        """Say the message, from that turn (of ``MESSAGE_ROUNDS``) on, and take one key, which is the call's ``key``th.

        It is from the first word on that the key counts. ``remark`` is said before.
        """
        if key > MOST_KEYS:
            return self.goodbye()
        verbs: list[Verb] = []
        for number in range(turn, MESSAGE_ROUNDS + 1):
            remarked = [] if remark is None or verbs else [self.prompt(remark)]
            verbs.append(
                Gather(
                    sounds=[*remarked, Play(self.sound(self.script.announcement)), self.prompt(Prompt.MENU)],
                    action=self.address("key", turn=number, key=key),
                    wait=int(KEY_WAIT.total_seconds()),
                )
            )
        return [*verbs, *self.goodbye()]

    def ask_pin(self, *, turn: int, key: int, remark: Prompt | None = None) -> Sequence[Verb]:
        """Ask for the PIN that a 1 counts with, which makes it the ``key``th key."""
        remarked = [] if remark is None else [self.prompt(remark)]
        return [
            Gather(
                sounds=[*remarked, self.prompt(Prompt.ENTER_PIN)],
                action=self.address("pin", turn=turn, key=key),
                wait=_PIN_WAIT,
                digits=None,
                on_nothing=True,
            )
        ]

    def connect(self, *, turn: int, key: int, caller_id: str) -> Sequence[Verb]:
        """Connect the operator; how that went is told with the turn and the number of the next key."""
        number = self.script.handoff_number
        if number is None:
            return self.message(turn=turn, key=key, remark=Prompt.NO_OPERATOR)
        return [
            self.prompt(Prompt.CONNECTING),
            Dial(
                number=number,
                caller_id=caller_id,
                action=self.address("operator", turn=turn, key=key),
                ring=_OPERATOR_RING,
                longest=int(LONGEST_HANDOFF.total_seconds()),
                whisper=self.address("whisper") if self.script.whisper else None,
            ),
        ]

    def leave_message(self) -> Sequence[Verb]:
        """Say the message once, to a machine: nothing that it plays back is a key."""
        return [Play(self.sound(self.script.announcement)), Hangup()]

    def whisper(self) -> Sequence[Verb]:
        """Tell the operator what it is about. After the document's end the two are connected."""
        return [Play(self.sound(self.script.whisper))] if self.script.whisper else []

    def goodbye(self, remark: Prompt | None = None) -> Sequence[Verb]:
        """End the call."""
        remarked = [] if remark is None else [self.prompt(remark)]
        return [*remarked, self.prompt(Prompt.GOODBYE), Hangup()]

    def ask_again(self, step: str, **state: object) -> Sequence[Verb]:
        """Hold the line and come back with the same: what was pressed could not be recorded now."""
        return [Redirect(url=self.address(step, **state), pause=_ASK_AGAIN_AFTER)]

    def prompt(self, prompt: Prompt) -> Play:
        """Return a fixed sentence."""
        return Play(self.sound(self.script.prompts[prompt]))

    def address(self, step: str, **state: object) -> str:
        """Return where Twilio goes on."""
        return f"{self.base}/twilio/voice/{step}?{urlencode({'call': self.token, **state})}"
