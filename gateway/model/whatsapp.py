"""WhatsApp's own rules: who can be written to now, and what a refusal means for the next message. Pure.

Free text and audio are delivered within 24 hours of the recipient's last message only, approved templates at any time:
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model.attempt import Attempt, AttemptState, Level

# For how long a person's message opens the window, per sender and number.
WINDOW = timedelta(hours=24)
# WhatsApp dates the last message by its own clock, and a message spends a moment on its way.
SPARE = timedelta(seconds=30)

LEVELS = frozenset({Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN})

# What begins the reason of a message that was refused because the window is closed: it certainly did not arrive.
WINDOW_CLOSED = "window_closed"
OPTED_OUT = "opted_out"


class Window(StrEnum):
    """What is known of a number's 24-hour window."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"  # the person never wrote, as far as is known


class MessageFault(StrEnum):
    """What the failure of a message says about the messages after it."""

    OPTED_OUT = "opted_out"  # the person said STOP: nothing more until they say START
    UNREACHABLE = "unreachable"  # WhatsApp does not reach this number: nothing more until it does again
    WINDOW_CLOSED = "window_closed"  # free text outside the window: a template may still arrive
    MESSAGE = "message"  # this message alone
    SETUP = "setup"  # the operator has to mend something: sender, template, account, address
    TEMPORARY = "temporary"  # another message may pass later


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What is on record of reaching a number by WhatsApp.

    ``window_until`` is the end of the window, a time in the past where it is known to be closed. ``blocked`` says why
    nothing must be sent, ``opted_out`` or the provider's reason, and ``blocked_at`` since when.
    """

    window_until: datetime | None = None
    blocked: str | None = None
    blocked_at: datetime | None = None

    def window(self, at: datetime, margin: timedelta = timedelta()) -> Window:
        """Return the window at a time; open only if it stays so for the ``margin`` that a message needs to leave."""
        if self.window_until is None:
            return Window.UNKNOWN
        return Window.OPEN if self.window_until > at + margin else Window.CLOSED


UNKNOWN_REACH = Reach()


def refused_for_window(attempt: Attempt) -> bool:
    """Tell whether a message failed because it needed an open window: another way may be tried, it did not arrive."""
    return attempt.state is AttemptState.FAILED and (attempt.reason or "").startswith(WINDOW_CLOSED)


def recorded_reason(fault: MessageFault | None, reason: str | None) -> str | None:
    """Return a failure's reason as it is recorded, by which ``refused_for_window`` knows it again."""
    if fault is not MessageFault.WINDOW_CLOSED:
        return reason
    return f"{WINDOW_CLOSED}: {reason}" if reason else WINDOW_CLOSED
