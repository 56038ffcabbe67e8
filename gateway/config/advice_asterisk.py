"""What is allowed in the part about Asterisk and still probably not meant, or weak."""

import ipaddress
from collections.abc import Iterator

from pydantic import SecretStr

from gateway.config.asterisk import AsteriskConfig, NodeConfig, TrunkConfig
from gateway.config.mistakes import Mistake

_SHORTEST_SECRET = 16
_SHORTEST_PASSWORD = 8
_FEWEST_CHARACTERS = 6
_PORTS_PER_CALL = 2


def advise_asterisk(asterisk: AsteriskConfig) -> Iterator[Mistake]:
    """Yield a warning for what works and is odd, weaknesses included."""
    if not asterisk.nodes:
        yield Mistake(path="asterisk.nodes", problem="phone calls are off: no node stands here")
    elif not asterisk.trunks:
        yield Mistake(path="asterisk.trunks", problem="no call can leave: no trunk stands here")
    yield from _shared_ports(asterisk)
    for index, node in enumerate(asterisk.nodes):
        yield from _rooms(node, [trunk for trunk in asterisk.trunks if trunk.node == node.name], index)
    for index, trunk in enumerate(asterisk.trunks):
        yield from _without_effect(trunk, f"asterisk.trunks[{index}]")
    yield from weaknesses(asterisk)


def weaknesses(asterisk: AsteriskConfig) -> Iterator[Mistake]:
    """Yield a warning for everything that makes an attack easier. No secret is repeated in one."""
    for index, node in enumerate(asterisk.nodes):
        yield from _weak_node(node, f"asterisk.nodes[{index}]")
    nodes = {node.name: node for node in asterisk.nodes}
    for index, trunk in enumerate(asterisk.trunks):
        path = f"asterisk.trunks[{index}]"
        yield from _weak_trunk(trunk, path)
        yield from _open_to_the_network(trunk, nodes[trunk.node], path)
    yield from _reused(asterisk)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _shared_ports(asterisk: AsteriskConfig) -> Iterator[Mistake]:
    binds: dict[tuple[str, str], str] = {}
    ranges: dict[str, list[tuple[int, int, str]]] = {}
    for index, node in enumerate(asterisk.nodes):
        other = binds.setdefault((node.host, node.sip_bind), node.name)
        if other != node.name:
            yield Mistake(
                path=f"asterisk.nodes[{index}].sip_bind",
                problem=f"node {other} has the same on the same host: only one of them can listen there",
                suggestion="give each its own sip_bind",
            )
        first, last = (int(port) for port in node.rtp_ports.split("-"))
        for other_first, other_last, name in ranges.setdefault(node.host, []):
            if first <= other_last and other_first <= last:
                yield Mistake(
                    path=f"asterisk.nodes[{index}].rtp_ports",
                    problem=f"overlaps with those of node {name} on the same host",
                    suggestion="give each node ports of its own",
                )
        ranges[node.host].append((first, last, node.name))


def _rooms(node: NodeConfig, trunks: list[TrunkConfig], index: int) -> Iterator[Mistake]:
    first, last = (int(port) for port in node.rtp_ports.split("-"))
    calls = sum(trunk.max_calls for trunk in trunks)
    if last - first + 1 < _PORTS_PER_CALL * calls:
        yield Mistake(
            path=f"asterisk.nodes[{index}].rtp_ports",
            problem=f"too few for the {calls} calls that its trunks may carry: each takes two, with an operator four",
            suggestion="widen the range, or lower max_calls of the trunks",
        )


def _without_effect(trunk: TrunkConfig, path: str) -> Iterator[Mistake]:
    if trunk.username is None and trunk.password is not None:
        yield Mistake(
            path=f"{path}.password",
            problem="has no effect: there is no username beside it",
            suggestion="add username, or leave the password out where the carrier knows your address",
        )
    if trunk.username is not None and trunk.password is None:
        yield Mistake(
            path=f"{path}.username",
            problem="has no password beside it: the carrier's challenge cannot be answered",
            suggestion="add password",
        )
    for key in ("registrar", "contact_user"):
        if getattr(trunk, key) is not None and (trunk.username is None or not trunk.register_):
            yield Mistake(
                path=f"{path}.{key}",
                problem="has no effect: this trunk does not register",
                suggestion="leave it out, or add username and password",
            )
    if trunk.tls is not None and trunk.transport != "tls":
        yield Mistake(
            path=f"{path}.tls",
            problem=f"has no effect: the transport is {trunk.transport}",
            suggestion="transport: tls",
        )
    if trunk.prefix is not None and trunk.number_format == "e164":
        yield Mistake(
            path=f"{path}.prefix",
            problem="a plus sign cannot follow it: numbers go out as digits",
            suggestion="write number_format: digits to say so, or leave the prefix out",
        )
    if trunk.privacy and trunk.asserted_number is None:
        yield Mistake(
            path=f"{path}.privacy",
            problem="without p_asserted_identity the carrier cannot know whose call it is, and may refuse it",
            suggestion="add p_asserted_identity: caller_id",
        )
    if trunk.dtmf_mode == "inband" and "opus" in trunk.codecs:
        yield Mistake(
            path=f"{path}.dtmf_mode",
            problem="tones do not survive opus: keys would be missed",
            suggestion="take rfc4733, or leave opus out",
        )


def _weak_node(node: NodeConfig, path: str) -> Iterator[Mistake]:
    if not is_loopback(node.host) and node.ami_tls is None:
        yield Mistake(
            path=f"{path}.host",
            problem="not this machine, and without ami_tls: who listens on the way sees every call and key",
            suggestion="add ami_tls, or put a tunnel between and write 127.0.0.1",
        )
    if node.secret is not None and _is_weak(node.secret.get_secret_value(), _SHORTEST_SECRET):
        yield Mistake(
            path=f"{path}.secret",
            problem="weak enough to be guessed",
            suggestion="leave it out, and a strong one is made and kept under var_dir",
        )
    if not node.tls.verify_server:
        yield _unverified(f"{path}.tls.verify_server")


def _weak_trunk(trunk: TrunkConfig, path: str) -> Iterator[Mistake]:
    if trunk.srtp == "sdes" and trunk.transport != "tls":
        yield Mistake(
            path=f"{path}.srtp",
            problem=f"the keys to the voices cross the network in plain {trunk.transport}: it protects nothing",
            suggestion="add transport: tls",
        )
    if trunk.tls is not None and not trunk.tls.verify_server:
        yield _unverified(f"{path}.tls.verify_server")
    if trunk.password is not None and _is_weak(trunk.password.get_secret_value(), _SHORTEST_PASSWORD):
        yield Mistake(
            path=f"{path}.password",
            problem="weak enough to be guessed: others could call at your cost",
            suggestion="ask the carrier for another",
        )


def _open_to_the_network(trunk: TrunkConfig, node: NodeConfig, path: str) -> Iterator[Mistake]:
    address = ipaddress.ip_address(node.sip_bind.rpartition(":")[0].strip("[]"))
    public = address.is_unspecified or address.is_global
    if trunk.username is None and trunk.transport == "udp" and public and not node.sip_permit:
        yield Mistake(
            path=f"{path}.username",
            problem=f"absent: this carrier is known by an address that can be forged, and {node.sip_bind} is public",
            suggestion=f"add the carrier's networks as sip_permit of the node {node.name}, and to your firewall",
        )


def _reused(asterisk: AsteriskConfig) -> Iterator[Mistake]:
    """Yield a warning where one secret opens two doors."""
    owners: dict[str, tuple[str, str | None]] = {}
    secrets: list[tuple[str, SecretStr | None, str | None]]
    secrets = [(f"asterisk.nodes[{i}].secret", node.secret, None) for i, node in enumerate(asterisk.nodes)]
    secrets += [(f"asterisk.trunks[{i}].password", t.password, t.username) for i, t in enumerate(asterisk.trunks)]
    for path, secret, account in secrets:
        if secret is None:
            continue
        first, its_account = owners.setdefault(secret.get_secret_value(), (path, account))
        # One account at a carrier, reached by two trunks, is one door.
        if first != path and (account is None or account != its_account):
            yield Mistake(
                path=path,
                problem=f"the same as {first}: whoever learns one has both",
                suggestion="give each its own",
            )


def _unverified(path: str) -> Mistake:
    return Mistake(
        path=path,
        problem="off: anybody on the way can pretend to be the carrier, and listen",
        suggestion="leave it out, and name the carrier's CA as ca_file where it is not a public one",
    )


def _is_weak(secret: str, shortest: int) -> bool:
    return len(secret) < shortest or len(set(secret)) < _FEWEST_CHARACTERS
