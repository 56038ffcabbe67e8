"""The ports of what goes on between here and the owners' chats: messages with buttons, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from gateway.ports.messages import Delivery, Message, NotificationChannel


@runtime_checkable
class OwnerChannel(NotificationChannel, Protocol):
    """A channel to owners whose messages have buttons and are edited, and whose provider sets the pace."""

    def turn(self, chat: str) -> timedelta:
        """Take the chat's next turn to be sent or edited a message, and return nothing; else how long to wait for it.

        Does no I/O.
        """
        ...

    def edit(self, message: Message, message_id: str) -> Delivery:
        """Have a message that was sent show this text and button from now on.

        ``SENT``: it does; ``FAILED``: it never will; otherwise it may be tried again. Blocks; never raises for a
        provider's failure.
        """
        ...

    def takes_presses(self) -> bool:
        """Tell whether anybody learns of it when a button is pressed: where not, messages go without buttons."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPressed:
    """Somebody pressed the button of a message in a chat. ``by`` is who, as they call themselves.

    ``chat_name`` is the chat's public ``@name`` where it has one, ``user_id`` and ``username`` are the provider's.
    """

    update_id: int
    chat: str
    chat_name: str | None
    message_id: str
    data: str
    by: str
    user_id: int
    username: str | None
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAsked:
    """Somebody asks which chat this is, so that it can be entered as an owner's."""

    update_id: int
    chat: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMoved:
    """A chat has got another id: a group that became a supergroup."""

    update_id: int
    chat: str
    new_chat: str


OwnerUpdate = ButtonPressed | ChatAsked | ChatMoved


@dataclass(frozen=True, slots=True)
class OwnerAnswer:
    """What whoever caused an update is told; ``alert``: in a way that cannot be overlooked."""

    text: str
    alert: bool = False


class OwnerUpdates(Protocol):
    """Brings what happens in the owners' chats, each update once for all that is on record."""

    def start(self, take: Callable[[OwnerUpdate], OwnerAnswer | None], position: Callable[[], int | None]) -> None:
        """Hand each update to ``take``, in its order, on a thread of its own, beginning at ``position``.

        Both may raise ``RecordUnavailableError``: then they are asked again, a little later.
        """
        ...

    def stop(self) -> None:
        """Stop at once. What was not taken comes again."""
        ...

    def state(self) -> str:
        """Return ``ok``, or in words what is wrong and what to do about it."""
        ...
