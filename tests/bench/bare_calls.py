"""A bare AMI client that places the gateway's calls and does nothing else: no record, no ladder, no speech."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.channels.asterisk.originate import PublishedSounds, originate_headers
from gateway.config.schema import TrunkConfig
from gateway.ports.phone import CallOrder
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.telephony.phone_site import PhoneSite
from tests.waiting import until

_LONGEST = 900.0
_QUIET = 10.0  # longer than any call


def place(
    site: PhoneSite,
    numbers: Sequence[str],
    *,
    trunk: str,
    node: str,
    rate: float,
    channels: int,
    say: Callable[[int], None],
) -> list[float]:
    """Place a call to each number, ``rate`` a second and at most so many at once, with what the gateway has laid out.

    Returns the seconds from each key to its AMI event. ``say`` is told how many were ordered so far.
    """
    pbx, carrier = site.pbxes[node], site.carriers[trunk]
    seen, room = len(carrier.invites), threading.Semaphore(channels)
    keys: dict[str, float] = {}
    ended: set[str] = set()
    number_of = {secrets.token_hex(16): number for number in numbers}

    def listen(packet: Packet) -> None:
        if packet.get("Event") == "UserEvent" and packet.get("UserEvent") == "TocsinKey":
            keys[number_of.get(packet.get("CallId", ""), "")] = time.time()
        elif packet.get("Event") == "Hangup":
            ended.add(packet.get("Uniqueid", ""))
            room.release()

    sounds, config = laid_out(pbx.node.sounds_dir), pbx.config.trunks[0]
    with pbx.ami(listen) as ami:
        due = time.monotonic()
        for count, (call_id, number) in enumerate(number_of.items(), start=1):
            room.acquire(timeout=_QUIET)
            # What came late is made up for, as far as a tenth of a second goes.
            due = max(due + 1 / rate, time.monotonic() - 0.1)
            threading.Event().wait(max(due - time.monotonic(), 0))
            _originate(ami, call_id, number, sounds, config)
            say(count)
        until(lambda: len(ended) >= len(numbers), _LONGEST, "the bare client's calls are over")
    until(lambda: all(call.ended_at for call in carrier.invites), _QUIET, "the carrier saw all ends")
    calls = {call.number: call for call in carrier.invites[seen:]}
    return [at - calls[number].pressed[0][0] for number, at in keys.items() if number in calls]


def laid_out(directory: Path) -> PublishedSounds:
    """Return what the gateway has laid out for its own calls."""
    message = max(directory.glob("*.wav"), key=lambda file: file.stat().st_size)
    prompts = next(path for path in directory.glob("prompts-*") if path.is_dir())
    return PublishedSounds(str(message.with_suffix("")), str(prompts), message.stem)


def _originate(ami: AmiClient, call_id: str, number: str, sounds: PublishedSounds, trunk: TrunkConfig) -> None:
    order = CallOrder(
        call_id=call_id,
        trunk=trunk.name,
        to_number=number,
        ring_timeout=timedelta(seconds=30),
        language="en",
        announcement=Path("/nowhere.wav"),
        prompts={},
    )
    headers = originate_headers(order, trunk, sounds, action_id=call_id, now=datetime.now(UTC))
    variables = [value for name, value in headers if name == "Variable"]
    plain = {name: value for name, value in headers if name not in {"Variable", "ActionID"}}
    ami.run("Originate", variables, **plain)
