"""The connection to one Asterisk: made, kept, watched, made again."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from gateway.channels.asterisk.ami_events import AMIEvent, FullyBooted, ShuttingDown, read_event
from gateway.channels.asterisk.ami_values import text
from gateway.channels.asterisk.link import open_wire
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.channels.asterisk.wire import (
    AMIConnectionLostError,
    AMIMessage,
    AMINotConnectedError,
    AMITimeoutError,
    AMIWire,
    Headers,
)
from gateway.config.schema import NodeConfig
from gateway.ports.clock import Clock

log = structlog.get_logger(__name__)


class LoginRefusedError(Exception):
    """Asterisk refused the login. Compare ``username`` and ``secret`` of the node with manager.conf on the server, and
    the addresses that it permits; ``tocsin asterisk render`` writes a matching file.
    """  # noqa: D205 (one sentence of meaning is longer than a line)


@dataclass(frozen=True, slots=True)
class AMIAnswer:
    """Asterisk's answer to an action. ``items`` are the events of the list that it began."""

    success: bool
    message: str
    challenge: str = ""
    value: str = ""
    items: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """How the connection to a node is. ``since`` is when it came to be so; ``ready``: calls can be placed."""

    node: str
    connected: bool
    ready: bool
    since: datetime
    last_error: str | None


class ConnectionListener(Protocol):
    """What a connection tells its owner, on the loop's thread."""

    def connected(self) -> None:
        """Take note that actions can be sent."""
        ...

    def disconnected(self, reason: str) -> None:
        """Take note that they cannot; told only after ``connected``."""
        ...

    def event(self, event: AMIEvent) -> None:
        """Take an event."""
        ...


class AMIConnection:
    """Keeps one Asterisk connected. Used on the loop's thread alone.

    The life of the connection is ours: each try has time limits, its own protocol object and a growing pause before
    it; a ping whose answer is checked finds links that are open on one side only.
    """

    def __init__(
        self, *, node: NodeConfig, secret: str, timings: AsteriskTimings, clock: Clock, listener: ConnectionListener
    ) -> None:
        self._node = node
        self._secret = secret
        self._timings = timings
        self._clock = clock
        self._listener = listener
        self._wire: AMIWire | None = None
        self._up = False
        self._lost: asyncio.Event = asyncio.Event()
        self._reason = "not connected yet"
        self._booted: asyncio.Event = asyncio.Event()
        self.since = clock.now()
        self.last_error: str | None = None

    @property
    def is_up(self) -> bool:
        """Whether actions can be sent."""
        return self._up

    async def run(self) -> None:
        """Connect, and connect again whenever it breaks, until cancelled."""
        pause = self._timings.first_pause.total_seconds()
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                await self._live_once()
                if loop.time() - began >= self._timings.steady.total_seconds():
                    pause = self._timings.first_pause.total_seconds()
                # The jitter keeps several gateways from knocking at once; it guards nothing.
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, self._timings.longest_pause.total_seconds())
        finally:
            # Nobody is to be told of a loss that is meant.
            self._up = False
            if self._wire is not None:
                self._wire.drop("the gateway stops")

    async def act(self, name: str, headers: Headers = ()) -> AMIAnswer:
        """Run an action. Raises as ``AMIWire.request``."""
        return await self._request(name, headers, as_list=False)

    async def list(self, name: str, headers: Headers = ()) -> AMIAnswer:
        """Run an action that answers with a list. Raises as ``AMIWire.request``."""
        return await self._request(name, headers, as_list=True)

    def drop(self, reason: str) -> None:
        """Break the connection, which can no longer be trusted; a new one is made."""
        if self._wire is not None:
            self._wire.drop(reason)

    def ami_event(self, ami_message: AMIMessage) -> None:
        """Take an event from the wire. Nothing that goes wrong here reaches the connection."""
        try:
            event = read_event(ami_message)
            if isinstance(event, FullyBooted):
                self._booted.set()
            elif isinstance(event, ShuttingDown):
                self.drop("Asterisk shuts down")
            elif event is not None:
                self._listener.event(event)
        except Exception:
            log.exception("ami_event_dropped", node=self._node.name)

    def wire_lost(self, wire: AMIWire, reason: str) -> None:
        """Take note that the wire is gone."""
        if wire is not self._wire:
            return
        self._wire = None
        self._reason = reason
        self._lost.set()
        self._booted.set()
        if self._up:
            self._up = False
            self.since, self.last_error = self._clock.now(), reason
            log.warning("phone_node_lost", node=self._node.name, reason=reason)
            self._tell(lambda: self._listener.disconnected(reason))

    async def _live_once(self) -> None:
        """Connect, log in, and return when the connection is over."""
        self._lost.clear()
        self._booted.clear()
        try:
            await self._log_in()
        except LoginRefusedError as error:
            # A person has to correct it; once is enough to say so.
            (log.debug if self.last_error == str(error) else log.error)(
                "phone_node_refused_login", node=self._node.name, reason=str(error)
            )
            self._failed(str(error))
            return
        except (OSError, TimeoutError, AMIConnectionLostError, AMINotConnectedError, AMITimeoutError) as error:
            reason = str(error) or type(error).__name__
            (log.debug if self.last_error == reason else log.warning)(
                "phone_node_unreachable", node=self._node.name, reason=reason
            )
            self._failed(reason)
            return
        except Exception as error:
            # A node is never given up: whatever this is may be corrected on the other side.
            log.exception("phone_node_unreachable", node=self._node.name)
            self._failed(f"{type(error).__name__}: {error}")
            return
        if self._lost.is_set():
            self._failed(self._reason)
            return
        self._up = True
        self.since, self.last_error = self._clock.now(), None
        log.info("phone_node_connected", node=self._node.name)
        self._tell(self._listener.connected)
        await self._watch()

    async def _log_in(self) -> None:
        limit = self._timings.connect.total_seconds()
        async with asyncio.timeout(limit):
            wire = await open_wire(self._node, self)
        self._wire = wire
        async with asyncio.timeout(limit):
            await wire.greeted
        challenge = await self.act("Challenge", [("AuthType", "MD5")])
        # The protocol's own scheme (Asterisk, AMI action Login): the secret itself does not cross the network.
        key = hashlib.md5((challenge.challenge + self._secret).encode(), usedforsecurity=False).hexdigest()
        login = await self.act("Login", [("AuthType", "MD5"), ("Username", self._node.username), ("Key", key)])
        if not challenge.success or not login.success:
            raise LoginRefusedError(f"Asterisk refused the login as {self._node.username}: {login.message}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timings.boot.total_seconds()):
                await self._booted.wait()
        await asyncio.sleep(self._timings.grace.total_seconds())

    async def _watch(self) -> None:
        """Ping until the connection is lost, and call it lost when a ping is not answered."""
        while True:
            try:
                async with asyncio.timeout(self._timings.ping_interval.total_seconds()):
                    await self._lost.wait()
            except TimeoutError:
                await self._ping()
            else:
                return

    async def _ping(self) -> None:
        try:
            answer = await self._request("Ping", (), as_list=False, limit=self._timings.ping.total_seconds())
        except (AMITimeoutError, AMIConnectionLostError, AMINotConnectedError) as error:
            self.drop(f"no answer to a ping: {error}")
        else:
            if not answer.success:
                self.drop(f"a ping was refused: {answer.message}")

    async def _request(self, name: str, headers: Headers, *, as_list: bool, limit: float | None = None) -> AMIAnswer:
        if self._wire is None:
            raise AMINotConnectedError(self._reason)
        messages = await self._wire.request(
            name, headers, limit=limit or self._timings.action.total_seconds(), as_list=as_list
        )
        answer = messages[0]
        return AMIAnswer(
            success=text(answer, "Response") == "Success",
            message=text(answer, "Message"),
            challenge=text(answer, "Challenge"),
            value=text(answer, "Value"),
            items=tuple(messages[1:]),
        )

    def _failed(self, reason: str) -> None:
        if self._wire is not None:
            self._wire.drop(reason)
        if self.last_error != reason:
            self.since, self.last_error = self._clock.now(), reason

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            log.exception("phone_node_listener_failed", node=self._node.name)
