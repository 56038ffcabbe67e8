"""Finding a message that may have been sent among those that Twilio lists.

The list tells neither the status callback's address nor a template's variables: a message is known by its text, of
which the acknowledgement link is a part. https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Twilio dates whole seconds, by its own clock.
_CLOCKS_DIFFER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMessage:
    """A message as Twilio lists it. ``created_at`` is aware; ``media`` counts its media."""

    sid: str
    status: str
    error_code: int | None
    body: str
    media: int
    created_at: datetime | None


def choose(
    listed: Sequence[ListedMessage], *, text: str | None, variables: Mapping[str, str], since: datetime
) -> ListedMessage | None:
    """Return the one message that can be the one that was sent; ``None`` where there is none, or more than one.

    ``text`` is the free text (``None`` for a voice note), ``variables`` are those of the template in whose place it
    may have been sent. A template's link may sit in a button, so that its text lacks one variable.
    """
    recent = [m for m in listed if m.created_at is not None and m.created_at >= since - _CLOCKS_DIFFER]
    if text is None:
        return _only([m for m in recent if m.media])
    texts = [m for m in recent if not m.media]
    same = [m for m in texts if _plain(m.body) == _plain(text)]
    values = [plain for plain in map(_plain, variables.values()) if plain]
    shared = {m.sid: sum(value in _plain(m.body) for value in values) for m in texts}
    whole = [m for m in texts if values and shared[m.sid] == len(values)]
    but_one = [m for m in texts if len(values) > 1 and shared[m.sid] == len(values) - 1]
    return _only(same) if same else _only(whole) if whole else _only(but_one)


def _only(messages: Sequence[ListedMessage]) -> ListedMessage | None:
    return messages[0] if len(messages) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.split())
