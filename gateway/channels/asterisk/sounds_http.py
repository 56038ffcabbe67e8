"""Sound files sent to a node that shares no folder with the gateway, before it is asked to dial."""

import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
import urllib3

from gateway.channels.asterisk.link import tls_of
from gateway.channels.asterisk.originate import PublishedSounds
from gateway.channels.asterisk.sound_names import Names, SoundFile
from gateway.channels.asterisk.sounds_receiver import SIGNATURE_HEADER, TIME_HEADER, sign
from gateway.config.asterisk import NodeConfig
from gateway.ports.phone import CallOrder

log = structlog.get_logger(__name__)

# All that a call may wait for its sounds before it is dialled. One that waited in vain is dialled all the same.
LIMIT = timedelta(seconds=2)
# For so long after a failure nobody waits again.
REST = timedelta(seconds=10)
_CONNECTIONS = 8


class SoundsRefusedError(OSError):
    """The receiver on the node does not take sounds, or is out of reach. The message says why."""


def sounds_key(secret: str) -> str:
    """Return the key by which a node and its gateways know each other, made of the AMI user's secret."""
    return hmac.new(secret.encode(), b"tocsin sounds", "sha256").hexdigest()


class SentSounds:
    """Sends sounds to the ``sounds_receiver`` of a node. Implements ``Shelf``.

    The names are those of ``SoundShelf``: made of the content, so that nothing is sent twice. Blocks, for ``LIMIT``
    at most; used on several threads.
    """

    def __init__(self, node: NodeConfig, secret: str, *, wideband: bool = False) -> None:
        self._names = Names(node.sounds_dir, wideband=wideband)
        self._key = sounds_key(secret)
        tls = tls_of(node)
        self._base = f"{'https' if tls else 'http'}://{node.host}:{node.sounds_port}"
        named: dict[str, Any] = {}
        if tls is not None:
            named["ssl_context"] = tls
        if node.ami_tls is not None and node.ami_tls.server_name is not None:
            named |= {"server_hostname": node.ami_tls.server_name, "assert_hostname": node.ami_tls.server_name}
        self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False, **named)
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file, once the node has it. Raises ``OSError``."""
        named = self._names.of(sound)
        self._send(named.files)
        return named.name

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Send all that a call plays. Raises ``OSError``."""
        named = self._names.of_order(order)
        self._send(named.files)
        return named.published

    def expected(self, order: CallOrder) -> PublishedSounds:
        """Return where the node has the sounds, if it has them. Raises ``OSError`` where they are not even here."""
        return self._names.of_order(order).published

    def look(self) -> dict[str, object]:
        """Return what the receiver tells of itself. Raises ``OSError``."""
        return self._ask("GET", "/", b"", time.monotonic() + LIMIT.total_seconds())

    def _send(self, files: tuple[SoundFile, ...]) -> None:
        if time.monotonic() < self._rests_until:
            raise SoundsRefusedError(f"{self._base} failed a moment ago and is not asked again yet")
        end = time.monotonic() + LIMIT.total_seconds()
        by_name = {file.name: file.source for file in files}
        try:
            answer = self._ask("POST", "/missing", json.dumps({"names": list(by_name)}).encode(), end)
            for name in _strings(answer.get("missing")):
                if name in by_name:
                    self._ask("PUT", f"/sounds/{name}", by_name[name].read_bytes(), end)
        except SoundsRefusedError:
            with self._lock:
                self._rests_until = time.monotonic() + REST.total_seconds()
            raise

    def _ask(self, method: str, path: str, body: bytes, end: float) -> dict[str, object]:
        left = end - time.monotonic()
        if left <= 0:
            raise SoundsRefusedError(f"{self._base} took more than {LIMIT.total_seconds():g} s for a call's sounds")
        at = str(int(time.time()))
        headers = {TIME_HEADER: at, SIGNATURE_HEADER: sign(self._key, method, path, at, body)}
        try:
            answer = self._pool.request(
                method, self._base + path, body=body, headers=headers, timeout=urllib3.Timeout(total=left)
            )
            document = answer.json() if answer.data else {}
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise SoundsRefusedError(f"{self._base} does not answer as a receiver of sounds: {error}") from error
        told = document if isinstance(document, dict) else {}
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - what HTTP calls success
            reason = told.get("error", "no reason")
            raise SoundsRefusedError(f"{self._base} refused a sound with {answer.status}: {reason}")
        return told


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
