"""Looking at one Asterisk over a connection of its own, beside the engine's."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.app.cli.checks import Finding, failed, off, ok, warn
from gateway.channels.asterisk.ami_values import text
from gateway.channels.asterisk.link import open_wire
from gateway.channels.asterisk.provision import Versions, versions
from gateway.channels.asterisk.provision_trunks import registers
from gateway.channels.asterisk.wire import (
    AMIConnectionLostError,
    AMIMessage,
    AMINotConnectedError,
    AMITimeoutError,
    AMIWire,
)
from gateway.config.advice_asterisk import is_loopback
from gateway.config.schema import AsteriskConfig, NodeConfig, TrunkConfig

_STEP_SECONDS = 5.0
_VERSION_VARIABLE = "TOCSIN_DIALPLAN_VERSION"
# Actions that an AMI user can only run with rights that the gateway does not need.
_BEYOND = frozenset(
    {"command", "reload", "moduleload", "updateconfig", "getconfig", "dbput", "agi", "dialplanextensionadd"}
)
_RENDER = (
    "run tocsin asterisk reload on its machine, or tocsin asterisk render, copy the files there and reload Asterisk"
)
# What Asterisk's function DEVICE_STATE tells of an endpoint.
_TRUNK_WORKS = frozenset({"NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})


@dataclass(frozen=True, slots=True)
class NodeFindings:
    """What was found of a node: its manager interface, its dialplan, its SIP settings, its trunks in their order."""

    ami: Finding
    dialplan: Finding
    sip: Finding
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
        sip = await _sip(wire, trunks, ours.pjsip)
        registrations = await _registrations(wire, node, trunks)
        states = [await _trunk(wire, trunk, registrations) for trunk in trunks]
        return NodeFindings(await _rights(wire, address), dialplan, sip, tuple(states))
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


async def _rights(wire: AMIWire, address: str) -> Finding:
    """Tell whether the AMI user may do more than place calls; ``ListCommands`` lists what the user may."""
    (answer,) = await wire.request("ListCommands", [], limit=_STEP_SECONDS)
    beyond = sorted(_BEYOND & {name.lower() for name in answer})
    if not beyond:
        return ok(f"{address} accepts us")
    return warn(
        f"{address} accepts us, and its user may do more than the gateway needs: {', '.join(beyond)}",
        f"whoever has its secret has the server; {_RENDER}",
    )


async def _dialplan(wire: AMIWire, ours: str) -> Finding:
    loaded = await _variable(wire, _VERSION_VARIABLE)
    if loaded == ours:
        return ok(f"version {ours}")
    if not loaded or loaded == "(null)":
        return failed("the gateway's dialplan is not loaded", _RENDER)
    return failed(f"version {loaded} is loaded, this gateway needs {ours}", _RENDER)


async def _sip(wire: AMIWire, trunks: Sequence[TrunkConfig], ours: str) -> Finding:
    if not trunks:
        return off("the node has no trunk")
    loaded = {trunk.name: await _variable(wire, f"PJSIP_ENDPOINT({trunk.name},accountcode)") for trunk in trunks}
    other = [name for name, version in loaded.items() if version != ours]
    if not other:
        return ok(f"version {ours}")
    return failed(f"Asterisk runs with other settings than the configuration's for {', '.join(other)}", _RENDER)


async def _registrations(wire: AMIWire, node: NodeConfig, trunks: Sequence[TrunkConfig]) -> Mapping[str, str]:
    """Return the state of each registration by its trunk; none where asking would tell passwords to the network.

    Asterisk's answer holds them (AuthDetail of PJSIPShowRegistrationsOutbound).
    """
    if not any(registers(trunk) for trunk in trunks) or not (node.ami_tls or is_loopback(node.host)):
        return {}
    messages = await wire.request("PJSIPShowRegistrationsOutbound", [], limit=_STEP_SECONDS, as_list=True)
    return {
        text(message, "ObjectName"): text(message, "Status")
        for message in messages
        if text(message, "Event") == "OutboundRegistrationDetail"
    }


async def _trunk(wire: AMIWire, trunk: TrunkConfig, registrations: Mapping[str, str]) -> Finding:
    state = (await _variable(wire, f"DEVICE_STATE(PJSIP/{trunk.name})")).upper()
    carrier = f"{trunk.host}:{trunk.port}"
    registration = registrations.get(trunk.name)
    if state == "UNAVAILABLE":
        advice = "check host, port and transport of the trunk, the firewall, and with your carrier"
        if trunk.transport == "tls":
            advice += "; Asterisk's messages.log says where the certificate is not accepted (tls.ca_file)"
        return failed(f"{carrier} does not answer SIP OPTIONS", advice)
    if state not in _TRUNK_WORKS:
        return failed(f"Asterisk does not know this trunk ({state or 'no state'})", _RENDER)
    if registration not in {None, "Registered"}:
        advice = "check username, password and registrar of the trunk, and with your carrier"
        return failed(f"{carrier} has not registered us: {registration}", advice)
    reached = f"{carrier} is reachable" if trunk.qualify else f"{carrier} is not asked (qualify: 0s)"
    return ok(f"{reached}, registered" if registration else reached)


def _without(ami: Finding, trunks: Sequence[TrunkConfig]) -> NodeFindings:
    unknown = off("not looked at: the node is out of reach")
    return NodeFindings(ami, unknown, unknown, tuple(unknown for _ in trunks))
