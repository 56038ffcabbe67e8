"""The AMI protocol of one TCP connection: panoramisk's framing and messages, without its traps.

panoramisk splits and reads messages, builds actions and pairs them with their answers. What it does badly is done
here: it decodes each read by itself and so loses characters, lets an exception in a
callback take the connection down, hides events from listeners while an action with their
ActionID is pending, keeps what was never answered for ever, and sends it again after
a reconnect. Here a connection lives once and whatever was pending ends with it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from gateway.channels.asterisk.ami_values import checked, text

log = structlog.get_logger(__name__)

_GREETING = b"Asterisk Call Manager/"
_END_OF_LINE = b"\r\n"
_END_OF_MESSAGE = b"\r\n\r\n"
# The largest message seen is some kilobytes. A peer that sends this much without an end does not speak AMI.
_LONGEST_MESSAGE = 1 << 20

AMIMessage = Mapping[str, object]
Headers = Sequence[tuple[str, str]]


class AMIConnectionLostError(Exception):
    """The connection ended before the answer came. The action may have been carried out."""


class AMINotConnectedError(Exception):
    """There is no connection: nothing was sent."""


class AMITimeoutError(Exception):
    """Asterisk did not answer in time. The action may have been carried out."""


# After these the action's result is not known, or there is none.
NO_RESULT = (AMIConnectionLostError, AMINotConnectedError, AMITimeoutError)


class WireListener(Protocol):
    """What a connection tells its owner, on the loop's thread."""

    def ami_event(self, ami_message: AMIMessage) -> None:
        """Take an event."""
        ...

    def wire_lost(self, wire: "AMIWire", reason: str) -> None:
        """Take note that the connection is over. Told once."""
        ...


class _Factory:
    """What panoramisk's protocol asks of its manager. Nothing awaits a next connection."""

    save_stream = None
    forgetable_actions = ()

    def __init__(self, dispatch: Callable[[AMIMessage], None]) -> None:
        self.dispatch = dispatch


class AMIWire(AMIProtocol):  # type: ignore[misc]  # panoramisk ships no types
    """One connection, from greeting to loss. Used on the loop's thread alone."""

    def __init__(self, listener: WireListener) -> None:
        self._listener = listener
        self._unread = bytearray()
        self._lost = False
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; called by asyncio."""
        super().connection_made(transport)
        self.encoding = "utf8"
        self.factory = _Factory(self._listener.ami_event)

    def data_received(self, data: bytes) -> None:
        """Hand complete messages on to panoramisk, which gets no torn character to read that way."""
        if self._lost:
            return
        self._unread += data
        if self.greeted.done() or self._read_greeting():
            end = self._unread.rfind(_END_OF_MESSAGE)
            if end >= 0:
                complete = bytes(self._unread[: end + len(_END_OF_MESSAGE)])
                del self._unread[: end + len(_END_OF_MESSAGE)]
                super().data_received(complete)
        if len(self._unread) > _LONGEST_MESSAGE:
            self.drop("an endless message came")
            self._unread.clear()

    def handle_message(self, message: AMIMessage) -> None:
        """Give a message to the action that it answers, else to the listener."""
        if self._lost:
            return
        try:
            pending = self.responses.get(text(message, "ActionID"))
            if pending is not None and (("Response" in message and "Event" not in message) or pending.as_list is None):
                super().handle_message(message)
            elif "Event" in message:
                self._listener.ami_event(message)
        except Exception:
            # One message that cannot be read must not cost the connection and all that came with it.
            log.exception("ami_message_dropped")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end; called by asyncio."""
        self._end(f"{type(exc).__name__}: {exc}" if exc else "closed by Asterisk")

    def drop(self, reason: str) -> None:
        """End the connection now. What was not yet on its way is thrown away, never sent later."""
        self.transport.abort()
        self._end(reason)

    def close(self) -> None:
        """End the connection; panoramisk's own would keep the unanswered actions for the next one."""
        self.drop("closed")

    async def request(self, name: str, headers: Headers, *, limit: float, as_list: bool = False) -> list[AMIMessage]:
        """Send an action and return its answer: one message, or with ``as_list`` the answer and its list's events.

        Raises ``UnsafeValueError`` and ``AMINotConnectedError`` (not sent), ``AMITimeoutError`` and
        ``AMIConnectionLostError`` (sent, result unknown).
        """
        if self._lost or self.transport.is_closing():
            raise AMINotConnectedError("not connected")
        fields: dict[str, str | list[str]] = {"Action": checked(name)}
        for header, value in headers:
            if header == "Variable":
                variables = fields.setdefault(header, [])
                assert isinstance(variables, list)
                variables.append(checked(value))
            else:
                fields[checked(header)] = checked(value)
        action = Action(fields)
        # None lets panoramisk see by the answer whether a list follows: an error is an answer without one.
        future = self.send(action, as_list=None if as_list else False)
        try:
            async with asyncio.timeout(limit):
                answer = await future
        except TimeoutError as error:
            raise AMITimeoutError(f"no answer to {name} within {limit} s") from error
        finally:
            self.responses.pop(action.id, None)
        return list(answer) if isinstance(answer, list) else [answer]

    def _read_greeting(self) -> bool:
        line, mark, rest = bytes(self._unread).partition(_END_OF_LINE)
        if not line.startswith(_GREETING[: len(line)]) or (mark and not line.startswith(_GREETING)):
            self.drop("what answers there is no Asterisk manager interface")
            return False
        if mark:
            self._unread = bytearray(rest)
            self.greeted.set_result(None)
        return bool(mark)

    def _end(self, reason: str) -> None:
        if self._lost:
            return
        self._lost = self.closed = True
        lost = AMIConnectionLostError(reason)
        waiting = [self.greeted, *(action.future for action in self.responses.values())]
        self.responses.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(lost)
                # Whoever waits is told; nobody waiting is no error.
                future.exception()
        self._listener.wire_lost(self, reason)
