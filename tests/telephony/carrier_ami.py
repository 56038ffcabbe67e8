"""A small AMI client for the simulated carrier and for tests of the dialplan: blocking, one thread that reads."""

import contextlib
import itertools
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from tests.waiting import patient

Packet = dict[str, str]


class AmiError(Exception):
    """Asterisk refused an action, or does not answer."""


class AmiClient:
    """One AMI connection. Events go to ``listener`` on the reading thread, as dictionaries of their headers."""

    def __init__(
        self,
        port: int,
        username: str,
        secret: str,
        *,
        listener: Callable[[Packet], None] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._listener = listener
        self._ids = itertools.count(1)
        self._answers: dict[str, queue.SimpleQueue[Packet]] = {}
        self._socket = socket.create_connection((host, port), timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name=f"ami-{port}", daemon=True)
        self._reader.start()
        try:
            self.run("Login", Username=username, Secret=secret)
        except AmiError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()

    def send(self, action: str, variables: Iterable[str] = (), **headers: object) -> list[Packet]:
        """Run an action and return its response, followed by the events of its list if it has one."""
        return self.request(action, headers, variables)

    def request(
        self, action: str, headers: Mapping[str, object], variables: Iterable[str] = (), timeout: float = 10
    ) -> list[Packet]:
        """Run an action and return its response, followed by the events of its list if it has one."""
        action_id = str(next(self._ids))
        answers = self._answers[action_id] = queue.SimpleQueue()
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Variable: {variable}" for variable in variables]
        with self._sending:
            self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            timeout = patient(timeout)
            packets = [answers.get(timeout=timeout)]
            while packets[0].get("EventList") == "start" and packets[-1].get("EventList") != "Complete":
                packets.append(answers.get(timeout=timeout))
        except queue.Empty:
            raise AmiError(f"{action}: no answer in {timeout} s") from None
        finally:
            del self._answers[action_id]
        return packets

    def run(self, action: str, variables: Iterable[str] = (), **headers: object) -> list[Packet]:
        """Run an action that must succeed."""
        packets = self.request(action, headers, variables)
        if packets[0].get("Response") != "Success":
            raise AmiError(f"{action}: {packets[0].get('Message')}")
        return packets

    def value(self, expression: str, **headers: object) -> str:
        """Return a dialplan variable's or function's value."""
        return self.request("Getvar", {"Variable": expression, **headers})[0].get("Value", "")

    def tree(self, family: str, key: str = "") -> dict[str, str]:
        """Return a part of Asterisk's database, by path without the leading slash."""
        packets = self.run("DBGetTree", Family=family, Key=key)
        return {packet["Key"].lstrip("/"): packet["Val"] for packet in packets if "Val" in packet}

    def _read(self) -> None:
        packet: Packet = {}
        try:
            with self._socket.makefile("r", encoding="utf-8", errors="replace", newline="\r\n") as lines:
                for line in lines:
                    name, colon, value = line.rstrip("\r\n").partition(":")
                    if colon:
                        packet[name] = value.strip()
                    elif not name and packet:
                        self._take(packet)
                        packet = {}
        except (OSError, ValueError):
            return

    def _take(self, packet: Packet) -> None:
        waiting = self._answers.get(packet.get("ActionID", ""))
        # An OriginateResponse carries its action's id too, and may overtake the one who waits for the action.
        if waiting is not None and packet.get("Event") != "OriginateResponse":
            waiting.put(packet)
        elif "Event" in packet and self._listener is not None:
            self._listener(packet)
