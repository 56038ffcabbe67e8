"""A trunk of the configuration, in the words of Asterisk's ``pjsip.conf``."""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from gateway.channels.asterisk.numbers import shown_number
from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.config.asterisk import NodeConfig, SipTlsConfig, TrunkConfig

SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
_ANONYMOUS = "anonymous"  # RFC 3323, 4.1.1.3
_USER = "-_.!~*'()&=+$,/"  # RFC 3261, 25.1: what may stand in a URI's user part as it is


def trunk_values(trunk: TrunkConfig, node: NodeConfig, beside: Sequence[TrunkConfig]) -> dict[str, object]:
    """Return what the template of ``pjsip.conf`` needs of a trunk; ``None`` leaves a setting out.

    ``beside`` are all trunks of the node. Raises ``ProvisionError`` where the trunk cannot work as it is configured.
    """
    host = _host(trunk)
    place = _place(host, trunk.port)
    suffix = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    registrar = _at(trunk.registrar, trunk.port) if trunk.registrar else place
    user = quote(trunk.username, safe=_USER) if trunk.username else None
    password = trunk.password.get_secret_value() if trunk.password else ""
    if trunk.username and not password:
        raise ProvisionError(f"the trunk {trunk.name} has a username and no password")
    shown = shown_number(trunk.caller_id, trunk) if trunk.caller_id else None
    asserted = shown_number(trunk.asserted_number, trunk) if trunk.asserted_number else None
    from_user = quote(trunk.from_user, safe=_USER) if trunk.from_user else shown or user
    proxy = trunk.outbound_proxy
    return {
        "name": trunk.name,
        "transport": transport_name(trunk),
        "codecs": trunk.codecs,
        "dtmf_mode": trunk.dtmf_mode,
        "srtp": trunk.srtp == "sdes",
        "caller_id": asserted or shown,
        "from_user": _ANONYMOUS if trunk.privacy else from_user,
        # Not anonymous.invalid: P-Asserted-Identity gets the same domain.
        "from_domain": trunk.from_domain,
        "asserts": trunk.asserted_number is not None,
        "privacy": trunk.privacy,
        "username": trunk.username,
        "password": password,
        "registers": registers(trunk),
        "register_expiry": int(trunk.register_expiry.total_seconds()),
        # Told by a mark of ours in the contact which account a carrier's request is for, where several are alike.
        "line": registers(trunk) and sum(registers(other) and other.host == trunk.host for other in beside) > 1,
        "qualify": int(trunk.qualify.total_seconds()),
        "outbound_proxy": f"sip:{_at(proxy, trunk.port)}{suffix};lr" if proxy else None,
        "contact": f"sip:{place}{suffix}",
        "match": _matches(trunk, host),
        "server_uri": f"sip:{registrar}{suffix}",
        "client_uri": f"sip:{user}@{registrar}{suffix}",
        "contact_user": quote(trunk.contact_user, safe=_USER) if trunk.contact_user else user,
        "media_address": _media_address(node, host, trunk.port),
    }


def transport_name(trunk: TrunkConfig) -> str:
    """Return the section of ``pjsip.conf`` that the trunk's requests leave by."""
    if trunk.transport == "tls" and trunk.tls is not None:
        return f"transport-tls-{trunk.name}"
    return f"transport-{trunk.transport}"


def transports(trunks: Sequence[TrunkConfig], node: NodeConfig) -> list[dict[str, object]]:
    """Return the transports that a node needs for its trunks, UDP always."""
    kinds = {"udp", *(trunk.transport for trunk in trunks if trunk.transport == "tcp")}
    found: list[dict[str, object]] = [_transport(f"transport-{kind}", kind, node.sip_bind) for kind in sorted(kinds)]
    tls = [trunk for trunk in trunks if trunk.transport == "tls"]
    if any(trunk.tls is None for trunk in tls):
        found.append(_transport("transport-tls", "tls", node.sip_tls_address, node.tls))
    # Asterisk has these settings by transport, and two cannot listen at one port. Nobody needs to reach this one: the
    # carrier answers on the connection that we opened.
    anywhere = f"{node.sip_bind.rpartition(':')[0]}:0"
    found += [_transport(transport_name(trunk), "tls", anywhere, trunk.tls) for trunk in tls if trunk.tls is not None]
    return found


def _transport(name: str, kind: str, bind: str, tls: SipTlsConfig | None = None) -> dict[str, object]:
    values: dict[str, object] = {"name": name, "protocol": kind, "bind": bind}
    if tls is not None:
        values |= {
            "method": tls.method,
            "ca_file": tls.ca_file or SYSTEM_CAS,
            "certificate": tls.certificate,
            "key": tls.key,
            "verify_server": tls.verify_server,
        }
    return values


def registers(trunk: TrunkConfig) -> bool:
    """Return whether Asterisk registers with the trunk's carrier."""
    return bool(trunk.username and trunk.register_)


def _host(trunk: TrunkConfig) -> str:
    host = trunk.host.strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if ":" in host:
            raise ProvisionError(
                f"the trunk {trunk.name} has the host {trunk.host!r}: write the port in its own key"
            ) from None
    return host


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _at(address: str, port: int) -> str:
    """Return ``HOST:PORT`` of an address that may have no port of its own."""
    return address if re.search(r":\d+$", address) and not address.endswith("]") else f"{address}:{port}"


def _matches(trunk: TrunkConfig, host: str) -> list[str]:
    """Return where the carrier's own requests come from, without repetition."""
    places = [host, *trunk.match]
    if trunk.outbound_proxy:
        places.append(_at(trunk.outbound_proxy, trunk.port).rpartition(":")[0].strip("[]"))
    return list(dict.fromkeys(places))


def _media_address(node: NodeConfig, host: str, port: int) -> str | None:
    """Return the address that audio is asked to come to; ``None`` leaves it to Asterisk."""
    bound = node.sip_bind.rpartition(":")[0].strip("[]")
    if not ipaddress.ip_address(bound).is_unspecified:
        return bound
    # Bound to every address: the one that packets to the carrier leave from. Connecting this socket sends nothing.
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def without_probed(values: Mapping[str, object], node: NodeConfig) -> dict[str, object]:
    """Return a trunk's values without what was found out on this machine, which another one may see otherwise."""
    bound = node.sip_bind.rpartition(":")[0].strip("[]")
    return {**values, "media_address": None} if ipaddress.ip_address(bound).is_unspecified else dict(values)
