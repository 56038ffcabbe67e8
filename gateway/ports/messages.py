"""The port of everything that sends a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from gateway.model.attempt import AttemptState, Level
from gateway.model.whatsapp import MessageFault

# The template variable that comes back as the payload of its quick-reply button.
BUTTON_VARIABLE = "5"
# What a channel appends to the query of ``status_callback_url`` where the message goes by a template.
BY_TEMPLATE = "by=template"


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message. ``data`` comes back when it is pressed: at most 64 bytes (the Bot API's limit)."""

    text: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one person, complete: the channel that sends it decides nothing.

    ``to`` is an E.164 number (WhatsApp) or a chat (Telegram). ``template_variables`` fill
    the approved template where the channel must use one; ``text`` is the same as free text.
    ``media_url`` is where the provider fetches the voice note.
    ``window_open`` tells whether the recipient wrote within the last 24 hours. ``template_only``: only a template
    can arrive, free text was refused already. ``language`` is the recipient's. A
    ``button`` is shown by an ``OwnerChannel`` alone.
    """

    level: Level
    to: str
    text: str
    template_variables: Mapping[str, str] = field(default_factory=dict)
    media_url: str | None = None
    window_open: bool = False
    template_only: bool = False
    language: str = "en"
    status_callback_url: str | None = None
    button: Button | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message when it was handed to its provider.

    ``state`` is ``SENT`` (accepted), ``FAILED`` (refused for good), ``UNAVAILABLE``
    (certainly not sent, may be tried again), ``UNKNOWN`` (it may have been sent: must
    not be sent again) or ``SKIPPED`` (the channel's rules forbid it now). ``fault`` says what a failure means for
    other messages to the same person, whose number is ``to``. ``chat`` is the provider's own id of the chat that the
    message went to, where there are chats.
    """

    state: AttemptState
    provider: str
    provider_id: str | None = None
    reason: str | None = None
    fault: MessageFault | None = None
    to: str | None = None
    chat: str | None = None


class NotificationChannel(Protocol):
    """A way to send messages.

    To add one: implement ``refuse`` and ``send``, translate every error of the vendor's
    library into a ``Delivery``, and name the channel in ``gateway.app.bootstrap``. If the provider lists what was
    sent, implement ``SearchableChannel``.
    """

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        """Return why a message of that level cannot be sent now, or ``None``. Does no I/O."""
        ...

    def send(self, message: Message) -> Delivery:
        """Send the message and return what became of it. Blocks; never raises for a provider's failure."""
        ...


@runtime_checkable
class SearchableChannel(NotificationChannel, Protocol):
    """A channel whose provider can be asked whether a message that may have left did leave."""

    def find(self, message: Message, since: datetime) -> Delivery | None:
        """Return what became of a message that was handed over, perhaps, at or after ``since``.

        ``None`` where the provider knows no such message, cannot tell it from another, or cannot be asked. Blocks;
        sends nothing; never raises for a provider's failure.
        """
        ...


class CallbackVerifier(Protocol):
    """Tells the requests that a provider sends us from forged ones."""

    def verify(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        """Tell whether the provider signed this request.

        ``url`` is the full address as the provider knows it (under ``public_url``, with its
        query), ``params`` are the form fields, a multi-dict where fields repeat.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheck:
    """Whether a provider can be reached and accepts our credentials; ``detail`` is for people and holds no secret."""

    ok: bool
    detail: str
