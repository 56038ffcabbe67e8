"""An Asterisk manager interface that misbehaves on request.

A server of its own thread that speaks enough of AMI, with channels and a database, for the phone adapter
to be tried against everything that a real Asterisk does too seldom to wait for.
"""

import asyncio
import hashlib
import re
import threading
from collections.abc import Callable
from typing import TypeVar

from tests.integration.fake_ami_session import Session
from tests.ports import free_port

T = TypeVar("T")
Fields = dict[str, str]
RINGING, UP = "5", "6"


class FakeAMI:
    """The server. Its knobs may be turned at any time, from any thread.

    ``silent``: actions that are read and never answered. ``lost``: actions upon whose receipt the connection is
    cut, before they are done. ``cut_after``: likewise, but after they are done and answered. ``held``:
    actions that are done and answered only at ``release``. ``refused``: actions answered with this error.
    ``boots``: logins are told that Asterisk is fully booted. ``deaf``: everything is read and nothing
    answered, as on a link that is open on one side only.
    """

    def __init__(self, secret: str = "s3cret") -> None:
        self.secret = secret
        # A number of its own, which nobody takes while it does not listen.
        self.port = free_port()
        self.actions: list[dict[str, list[str]]] = []
        self.logins = 0
        self.connections = 0
        self.channels: dict[str, Fields] = {}
        self.database: dict[str, str] = {}
        self.silent: set[str] = set()
        self.lost: set[str] = set()
        self.cut_after: set[str] = set()
        self.held: set[str] = set()
        self.refused: dict[str, str] = {}
        self.deaf = False
        self.refuses_login = False
        self.closes_at_once = False
        self.boots = True
        self.greeting = b"Asterisk Call Manager/11.0.0\r\n"
        self.dialplan: Callable[[FakeAMI, str], None] | None = None
        self._held_answers: list[Callable[[], None]] = []
        self._sessions: set[Session] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._serial = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-ami", daemon=True)

    # Life.

    def start(self) -> "FakeAMI":
        self._thread.start()
        self.listen()
        return self

    def listen(self) -> None:
        async def listen() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(5)

    def go_away(self) -> None:
        """Stop listening and cut all connections."""

        def close() -> None:
            assert self._server is not None
            self._server.close()
            self._cut()

        self.do(close)

    def stop(self) -> None:
        self.go_away()

        async def settle() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(settle(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def do(self, work: Callable[[], T]) -> T:
        """Run something on the server's thread and return its result."""
        if threading.current_thread() is self._thread:
            return work()

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(5)

    def cut(self) -> None:
        """Cut all connections, without a goodbye."""
        self.do(self._cut)

    def release(self) -> None:
        """Send the answers that were held back."""

        def release() -> None:
            self.held.clear()
            answers, self._held_answers = self._held_answers, []
            for answer in answers:
                answer()

        self.do(release)

    # What tests look at.

    def received(self, name: str) -> list[dict[str, list[str]]]:
        """Return the actions of that name that arrived, headers as lists."""
        return [action for action in list(self.actions) if action["action"][0].lower() == name.lower()]

    @property
    def is_connected(self) -> bool:
        return any(session.logged_in for session in list(self._sessions))

    # What happens on the network.

    def channel(self, call_id: str, *, state: str = "0", trunk: str = "carrier-a") -> str:
        """Let a leg's channel exist, as if it had been dialled, and tell."""
        return self.do(lambda: self._channel(call_id, state, trunk))

    def ring(self, call_id: str) -> None:
        self._state(call_id, RINGING)

    def progress(self, call_id: str) -> None:
        self.event(("Event", "DialState"), ("DestUniqueid", f"tocsin-{call_id}"), ("DialStatus", "PROGRESS"))

    def answer(self, call_id: str, epoch: str = "1000.5") -> None:
        self._state(call_id, UP)
        self.database[f"/tocsin/{call_id}/answered"] = epoch
        self.event(("Event", "UserEvent"), ("UserEvent", "TocsinAnswered"), ("CallId", call_id))

    def press(self, call_id: str, digit: str, sequence: int = 1, epoch: str = "1001") -> None:
        self.database[f"/tocsin/{call_id}/keys/{sequence}"] = f"{digit}|{epoch}"
        self.event(
            ("Event", "UserEvent"),
            ("UserEvent", "TocsinKey"),
            ("CallId", call_id),
            ("Digit", digit),
            ("Sequence", str(sequence)),
            ("At", epoch),
        )

    def hang_up(self, call_id: str, cause: int, sip: int | None = None, *, by_network: bool = True) -> None:
        """End a leg, as the hangup handler and Asterisk 22 do."""

        def end() -> None:
            unique_id = f"tocsin-{call_id}"
            channel = self.channels.pop(unique_id)
            technical = f"SIP {sip} Reason" if sip and by_network else ""
            answered = self.database.get(f"/tocsin/{call_id}/answered", "")
            self.database[f"/tocsin/{call_id}/ended"] = f"1010.25|{cause}|{technical}|0|{answered}"
            head = (("Channel", channel["Channel"]), ("Uniqueid", unique_id), ("Cause", str(cause)))
            causes = (*head, *([("TechCause", str(sip))] if sip else []))
            self._event(("Event", "Hangup"), *causes)

        self.do(end)

    def originate_response(self, call_id: str, *, success: bool, action_id: str | None = None) -> None:
        action = self.received("Originate")[-1]["actionid"][0] if action_id is None else action_id
        self.event(
            ("Event", "OriginateResponse"),
            ("ActionID", action),
            ("Response", "Success" if success else "Failure"),
            ("Reason", "4" if success else "0"),
            ("Uniqueid", f"tocsin-{call_id}"),
        )

    def event(self, *headers: tuple[str, str]) -> None:
        self.do(lambda: self._event(*headers))

    def raw(self, data: bytes) -> None:
        """Write bytes to every logged-in connection."""
        self.do(lambda: [session.writer.write(data) for session in self._sessions if session.logged_in])

    def raw_in_pieces(self, *pieces: bytes) -> None:
        """Write pieces of a message one by one; answers to pings wait meanwhile, as they would tear it apart."""
        self.held.add("ping")
        for piece in pieces:
            self.raw(piece)
        self.release()

    # The server's own.

    def _cut(self) -> None:
        for session in list(self._sessions):
            session.writer.transport.abort()

    def _event(self, *headers: tuple[str, str]) -> None:
        for session in self._sessions:
            if session.logged_in and not self.deaf:
                session.send(*headers)

    def _channel(self, call_id: str, state: str, trunk: str) -> str:
        self._serial += 1
        unique_id = f"tocsin-{call_id}"
        name = f"PJSIP/{trunk}-{self._serial:08x}"
        self.channels[unique_id] = {"Channel": name, "ChannelState": state, "Uniqueid": unique_id}
        self.database[f"/tocsin/{call_id}/dialled"] = "999.5"
        self._event(("Event", "Newchannel"), *self.channels[unique_id].items())
        return name

    def _state(self, call_id: str, state: str) -> None:
        def change() -> None:
            channel = self.channels[f"tocsin-{call_id}"]
            channel["ChannelState"] = state
            self._event(("Event", "Newstate"), *channel.items())

        self.do(change)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        session = Session(writer)
        self._sessions.add(session)
        try:
            writer.write(self.greeting)
            while not self.closes_at_once:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                action: dict[str, list[str]] = {}
                for line in lines:
                    name, mark, value = line.partition(": ")
                    if mark:
                        action.setdefault(name.lower(), []).append(value)
                if "action" in action:
                    self._act(session, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._sessions.discard(session)
            writer.transport.abort()

    def _act(self, session: Session, action: dict[str, list[str]]) -> None:
        name = action["action"][0].lower()
        self.actions.append(action)
        if self.deaf or name in self.silent:
            return
        if name in self.lost:
            session.writer.transport.abort()
            return
        if name in self.refused:
            self._answer(session, action, False, self.refused[name])
            return
        work = getattr(self, f"_do_{name}", None)
        if name in self.held:
            self._held_answers.append(lambda: work(session, action))
            return
        if work is None:
            self._answer(session, action, False, "Invalid/unknown command")
        else:
            work(session, action)
        if name in self.cut_after:
            session.writer.close()

    def _answer(
        self, session: Session, action: dict[str, list[str]], success: bool, message: str, *more: tuple[str, str]
    ) -> None:
        session.send(
            ("Response", "Success" if success else "Error"),
            ("ActionID", action["actionid"][0]),
            ("Message", message),
            *more,
        )

    def _do_challenge(self, session: Session, action: dict[str, list[str]]) -> None:
        session.send(("Response", "Success"), ("ActionID", action["actionid"][0]), ("Challenge", session.challenge))

    def _do_login(self, session: Session, action: dict[str, list[str]]) -> None:
        key = hashlib.md5((session.challenge + self.secret).encode()).hexdigest()
        if self.refuses_login or action["key"] != [key]:
            self._answer(session, action, False, "Authentication failed")
            session.writer.close()
            return
        self.logins += 1
        session.logged_in = True
        self._answer(session, action, True, "Authentication accepted")
        if self.boots:
            session.send(("Event", "FullyBooted"), ("Status", "Fully Booted"))

    def _do_ping(self, session: Session, action: dict[str, list[str]]) -> None:
        session.send(("Response", "Success"), ("ActionID", action["actionid"][0]), ("Ping", "Pong"))

    def _do_originate(self, session: Session, action: dict[str, list[str]]) -> None:
        call_id = action["channelid"][0].removeprefix("tocsin-")
        self._answer(session, action, True, "Originate successfully queued")
        if action["channelid"][0] in self.channels:
            # As Asterisk 22 does: queued, then refused under the unique id of the live channel.
            self.originate_response(call_id, success=False, action_id=action["actionid"][0])
        elif self.dialplan is not None:
            self.dialplan(self, call_id)

    def _do_hangup(self, session: Session, action: dict[str, list[str]]) -> None:
        for unique_id, channel in list(self.channels.items()):
            if action["channel"][0] in {unique_id, channel["Channel"]}:
                self._answer(session, action, True, "Channel Hungup")
                self.hang_up(unique_id.removeprefix("tocsin-"), 16, 487, by_network=False)
                return
        self._answer(session, action, False, "No such channel")

    def _do_setvar(self, session: Session, action: dict[str, list[str]]) -> None:
        if match := re.fullmatch(r"DB_DELETE\((.*)\)", action["variable"][0]):
            self.database.pop(f"/{match[1]}", None)
        self._answer(session, action, True, "Variable Set")

    def _do_redirect(self, session: Session, action: dict[str, list[str]]) -> None:
        known = {channel["Channel"] for channel in self.channels.values()}
        if action["channel"][0] in known:
            self._answer(session, action, True, "Redirect successful")
        else:
            self._answer(session, action, False, f"Channel does not exist: {action['channel'][0]}")

    def _do_coreshowchannels(self, session: Session, action: dict[str, list[str]]) -> None:
        items = [(("Event", "CoreShowChannel"), *channel.items()) for channel in self.channels.values()]
        self._list(session, action, items, "CoreShowChannelsComplete")

    def _do_dbgettree(self, session: Session, action: dict[str, list[str]]) -> None:
        prefix = f"/{action['family'][0]}/{action['key'][0]}/"
        items = [
            (("Event", "DBGetTreeResponse"), ("Key", key), ("Val", value))
            for key, value in sorted(self.database.items())
            if key.startswith(prefix)
        ]
        self._list(session, action, items, "DBGetTreeComplete")

    def _list(
        self,
        session: Session,
        action: dict[str, list[str]],
        items: list[tuple[tuple[str, str], ...]],
        complete: str,
    ) -> None:
        self._answer(session, action, True, "Result will follow", ("EventList", "start"))
        action_id = ("ActionID", action["actionid"][0])
        for item in items:
            session.send(*item, action_id)
        session.send(("Event", complete), action_id, ("EventList", "Complete"), ("ListItems", str(len(items))))
