"""Looking at one Asterisk over a connection of its own, beside the engine's."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.cli.checks import Finding, failed, off, ok
from gateway.channels.asterisk.ami_values import text
from gateway.channels.asterisk.link import open_wire
from gateway.channels.asterisk.provision import Versions, versions
from gateway.channels.asterisk.wire import (
    AMIConnectionLostError,
    AMIMessage,
    AMINotConnectedError,
    AMITimeoutError,
    AMIWire,
)
from gateway.config.schema import AsteriskConfig, NodeConfig, TrunkConfig

_STEP_SECONDS = 5.0
_VERSION_VARIABLE = "TOCSIN_DIALPLAN_VERSION"
_RENDER = "run tocsin asterisk render, copy the files to the server and restart its Asterisk (or asterisk down and up)"
# What Asterisk's function DEVICE_STATE tells of an endpoint.
_TRUNK_WORKS = frozenset({"NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})


@dataclass(frozen=True, slots=True)
class NodeFindings:
    """What was found of a node: its manager interface, its dialplan, and its trunks in their order."""

    ami: Finding
    dialplan: Finding
    trunks: tuple[Finding, ...]


class _Nobody:
    """A listener for a connection whose events do not matter."""

    def ami_event(self, ami_message: AMIMessage) -> None:
        """Leave the event."""

    def wire_lost(self, wire: AMIWire, reason: str) -> None:
        """Leave it: whoever waits for an answer is told by the wire."""


def look_at_node(config: AsteriskConfig, node: NodeConfig, secret: str) -> NodeFindings:
    """Return how the node stands, within a few seconds."""
    trunks = [trunk for trunk in config.trunks if trunk.node == node.name]
    return asyncio.run(_look(node, secret, trunks, versions(config, node, secret)))


async def _look(node: NodeConfig, secret: str, trunks: Sequence[TrunkConfig], ours: Versions) -> NodeFindings:
    address = f"{node.host}:{node.port}"
    wire: AMIWire | None = None
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            wire = await open_wire(node, _Nobody())
            await wire.greeted
        refusal = await _log_in(wire, node, secret)
        if refusal is not None:
            advice = f"compare username and secret with manager.conf on the server, and whom it permits; or {_RENDER}"
            return _without(failed(f"{address} refused the login: {refusal}", advice), trunks)
        dialplan = await _dialplan(wire, ours.dialplan)
        states = [await _trunk(wire, trunk) for trunk in trunks]
        return NodeFindings(ok(f"{address} accepts us"), dialplan, tuple(states))
    except (OSError, TimeoutError, AMIConnectionLostError, AMINotConnectedError, AMITimeoutError) as error:
        reason = str(error) or "no answer"
        advice = "start Asterisk (tocsin asterisk up), and check host and port of the node and the firewall"
        return _without(failed(f"{address}: {reason}", advice), trunks)
    finally:
        if wire is not None:
            wire.drop("done")


async def _log_in(wire: AMIWire, node: NodeConfig, secret: str) -> str | None:
    """Return why the login was refused, ``None`` where it was not."""
    (challenge,) = await wire.request("Challenge", [("AuthType", "MD5")], limit=_STEP_SECONDS)
    # The protocol's own scheme (Asterisk, AMI action Login): the secret itself does not cross the network.
    key = hashlib.md5((text(challenge, "Challenge") + secret).encode(), usedforsecurity=False).hexdigest()
    headers = [("AuthType", "MD5"), ("Username", node.username), ("Key", key), ("Events", "off")]
    (answer,) = await wire.request("Login", headers, limit=_STEP_SECONDS)
    return None if text(answer, "Response") == "Success" else text(answer, "Message") or "no reason given"


async def _variable(wire: AMIWire, name: str) -> str:
    (answer,) = await wire.request("Getvar", [("Variable", name)], limit=_STEP_SECONDS)
    return text(answer, "Value")


async def _dialplan(wire: AMIWire, ours: str) -> Finding:
    loaded = await _variable(wire, _VERSION_VARIABLE)
    if loaded == ours:
        return ok(f"version {ours}")
    if not loaded or loaded == "(null)":
        return failed("the gateway's dialplan is not loaded", _RENDER)
    return failed(f"version {loaded} is loaded, this gateway needs {ours}", _RENDER)


async def _trunk(wire: AMIWire, trunk: TrunkConfig) -> Finding:
    state = (await _variable(wire, f"DEVICE_STATE(PJSIP/{trunk.name})")).upper()
    carrier = f"{trunk.host}:{trunk.port}"
    if state in _TRUNK_WORKS:
        return ok(f"{carrier} is reachable")
    if state == "UNAVAILABLE":
        advice = "check host, port and transport of the trunk, the firewall, and with your carrier"
        return failed(f"{carrier} does not answer SIP OPTIONS", advice)
    return failed(f"Asterisk does not know this trunk ({state or 'no state'})", _RENDER)


def _without(ami: Finding, trunks: Sequence[TrunkConfig]) -> NodeFindings:
    unknown = off("not looked at: the node is out of reach")
    return NodeFindings(ami, unknown, tuple(unknown for _ in trunks))
