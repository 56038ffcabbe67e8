"""A carrier to test against: a real Asterisk whose subscribers do what they are told to beforehand.

    with Carrier(directory, sip_port=port) as carrier:
        carrier.behaviour("+15550001", answers(presses="1", after=1.0))
        ...
        call = carrier.expect_call("+15550001")
        call.wait_ended()
        carrier.expect_nothing_more()

Keys are real RFC 4733 packets in the call's audio stream. Every INVITE is noted, with the
time at which the carrier saw it; what a subscriber heard is recorded.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from gateway.channels.asterisk import provision_process as process
from gateway.channels.asterisk.link import ManagerLogin
from gateway.channels.asterisk.provision_files import Layout, environment, opus_module
from tests.ports import free_port, free_range
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.telephony.carrier_call import CarrierCall, Invite
from tests.waiting import patient

_TEMPLATES = Path(__file__).with_name("carrier-conf")
_START = timedelta(seconds=30)
_STOP = timedelta(seconds=5)
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a subscriber does with one call. Make one with ``answers``, ``rejects`` or ``rings_out``."""

    status: int
    ring: float
    stays: float
    keys: tuple[tuple[float, str], ...] = ()
    talks: Path | None = None

    def plan(self) -> str:
        """Return it as the carrier's dialplan reads it."""
        keys = "-".join(f"{after:g}_{digits}" for after, digits in self.keys)
        talks = str(self.talks.with_suffix("")) if self.talks else ""
        return f"{self.status}:{self.ring:g}:{self.stays:g}:{keys}:{talks}"


def answers(
    presses: str | Sequence[tuple[float, str]] = "",
    *,
    after: float = 0.5,
    ring: float = 0.0,
    stays: float = 60.0,
    talks: Path | None = None,
) -> Behaviour:
    """Answer after ``ring`` seconds, press keys, stay on the line for ``stays`` seconds more.

    ``presses`` are keys pressed ``after`` seconds after the answer, or pairs of
    seconds to wait and keys. ``talks`` is a WAV file (8 kHz) said after that, as a voicemail does.
    """
    keys = ((after, presses),) if isinstance(presses, str) and presses else tuple(presses or ())
    return Behaviour(200, ring, stays, keys, talks)


def rejects(status: int, *, after: float = 0.0, rings: bool = True) -> Behaviour:
    """Answer with that SIP status: 486 busy, 603 declined, 404 unknown number, 503 trunk trouble."""
    return Behaviour(status, after if rings else -1.0, 0)


def rings_out() -> Behaviour:
    """Ring for as long as the caller likes, and never answer."""
    return Behaviour(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the carrier who is known by a password, and how calls with it are carried."""

    password: str
    codecs: Sequence[str] = ("ulaw", "alaw")
    dtmf_mode: str = "rfc4733"
    srtp: bool = False


class Carrier:
    """The carrier, as a context manager. It listens on loopback alone.

    ``accounts`` (user to password) make it ask for passwords and take registrations; without, it knows its customer by
    the address ``customer``. ``certificate`` is a PEM file with certificate and key, for TLS.

    A carrier that is ``wideband`` records at 16 kHz, and takes Opus. With ``records`` false nobody's calls are
    recorded: for loads, of which that would be the largest part.

    A number without a behaviour of its own has the one of ``DEFAULT``: answers, presses nothing.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sip_port: int | None = None,
        protocol: Literal["udp", "tcp", "tls"] = "udp",
        certificate: Path | None = None,
        customer: str = "127.0.0.1",
        accounts: Mapping[str, str | Account] | None = None,
        codecs: Sequence[str] = ("ulaw", "alaw"),
        dtmf_mode: str = "rfc4733",
        rtp_ports: tuple[int, int] | None = None,
        records: bool = True,
        wideband: bool = False,
    ) -> None:
        self.sip_port = sip_port or free_port()
        self.invites: list[CarrierCall] = []
        self._layout = Layout(directory.absolute() / "carrier")
        self._recordings = self._layout.base / "heard"
        self._changed = threading.Condition()
        self._legs: dict[str, CarrierCall] = {}
        self._ami: AmiClient | None = None
        self._ami_port = free_port()
        self._secret = secrets.token_hex(16)
        rtp_start, rtp_end = rtp_ports or free_range()
        self._values = {
            "layout": self._layout,
            "recordings": self._recordings,
            "ami_port": self._ami_port,
            "secret": self._secret,
            "sip_port": self.sip_port,
            "protocol": protocol,
            "certificate": certificate,
            "customer": customer,
            "accounts": tuple(
                (user, account if isinstance(account, Account) else Account(account, codecs, dtmf_mode))
                for user, account in (accounts or {}).items()
            ),
            "codecs": tuple(codecs),
            "dtmf_mode": dtmf_mode,
            "rtp_start": rtp_start,
            "rtp_end": rtp_end,
            "records": records,
            "suffix": "wav16" if wideband else "wav",
            "wideband": wideband,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the carrier; what it was told and saw before is kept."""
        installation = process.find_installation()
        self._layout.make()
        self._recordings.mkdir(exist_ok=True)
        values = self._values | {
            "modules_dir": installation.modules_dir,
            "data_dir": installation.data_dir,
            "opus_module": opus_module(installation.modules_dir),
        }
        templates = environment(_TEMPLATES)
        for name in templates.list_templates(extensions=["j2"]):
            (self._layout.etc / name.removesuffix(".j2")).write_text(templates.get_template(name).render(values))
        login = ManagerLogin(("127.0.0.1", self._ami_port), "carrier", self._secret)
        process.start(installation, self._layout, login, _START)
        self._ami = AmiClient(self._ami_port, "carrier", self._secret, listener=self._heard)
        if not self._ami.tree("plan", DEFAULT):
            self.behaviour(DEFAULT, answers())

    def stop(self) -> None:
        """End the carrier: from now on nobody answers at its port."""
        # Asterisk first: as it ends it tells the end of the calls in progress.
        process.stop(self._layout, _STOP)
        if self._ami is not None:
            self._ami.close()
            self._ami = None

    def behaviour(self, number: str, *each: Behaviour) -> None:
        """Say what the subscriber does with the next call, the one after, and so on; the last is for all that follow.

        ``DEFAULT`` as the number takes one behaviour.
        """
        ami = self._connected()
        ami.send("DBDelTree", Family="plan", Key=number)
        made = int(ami.tree("count", number).get(f"count/{number}", "0"))
        for place, behaviour in enumerate(each, start=made + 1):
            ami.run("DBPut", Family="plan", Key=f"{number}/{place}", Val=behaviour.plan())
        ami.run("DBPut", Family="plan", Key=f"{number}/last", Val=each[-1].plan())

    def expect_call(self, number: str, timeout: float = 10) -> CarrierCall:
        """Return the first call to that number not yet returned; ``AssertionError`` where none comes in time."""
        timeout = patient(timeout)
        with self._changed:
            if not self._changed.wait_for(lambda: self._unclaimed(number), timeout):
                seen = ", ".join(call.number for call in self.invites) or "none"
                raise AssertionError(f"waited {timeout} s: no call to {number} (calls seen: {seen})")
            call = self._unclaimed(number)[0]
            call.claimed = True
            return call

    def expect_calls_at_most(self, number: str, most: int) -> None:
        """Accept the calls made to that number so far; ``AssertionError`` where there are more."""
        with self._changed:
            calls = self._unclaimed(number)
            if len(calls) > most:
                raise AssertionError(f"{len(calls)} calls to {number}, at most {most} were expected")
            for call in calls:
                call.claimed = True

    def forget(self, number: str) -> None:
        """Accept all calls made to that number so far: for a test that has failed already."""
        self.expect_calls_at_most(number, len(self.invites))

    def expect_nothing_more(self, within: float = 0.0) -> None:
        """Raise ``AssertionError`` where a call was made that nobody expected, or is made in the next seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._unclaimed(None), within)
            if unexpected := self._unclaimed(None):
                raise AssertionError(f"calls that nobody expected: {', '.join(call.number for call in unexpected)}")

    def registration(self, user: str) -> str:
        """Return the contact that the user is registered with, or nothing."""
        return self._connected().value(f"PJSIP_AOR({user},contact)")

    def _connected(self) -> AmiClient:
        if self._ami is None:
            raise RuntimeError("the carrier does not run: use it as a context manager")
        return self._ami

    def _unclaimed(self, number: str | None) -> list[CarrierCall]:
        return [call for call in self.invites if not call.claimed and number in {None, call.number}]

    def _heard(self, packet: Packet) -> None:
        if packet.get("Event") != "UserEvent":
            return
        name, leg, at = packet["UserEvent"], packet["Leg"], float(packet["At"])
        with self._changed:
            if name == "CarrierInvite":
                call = CarrierCall(
                    packet["Number"],
                    packet["From"],
                    packet["SipCallId"],
                    at,
                    leg,
                    self._recordings,
                    self._changed,
                    Invite(
                        packet["RequestUri"],
                        packet["FromHeader"],
                        packet["Asserted"],
                        packet["Privacy"],
                        packet["Transport"],
                    ),
                    packet["Endpoint"],
                )
                self._legs[leg] = call
                self.invites.append(call)
            elif (known := self._legs.get(leg)) is not None:
                self._progress(known, name, at, packet)
            self._changed.notify_all()

    @staticmethod
    def _progress(call: CarrierCall, name: str, at: float, packet: Packet) -> None:
        if name == "CarrierAnswered":
            call.answered_at = at
            call.encrypted = packet["Encrypted"] == "1"
        elif name == "CarrierPressed":
            call.pressed.append((at, packet["Digits"]))
        elif name == "CarrierEnded":
            call.ended_at = at
            call.ended_by = "callee" if packet["By"] == "callee" else "caller"
