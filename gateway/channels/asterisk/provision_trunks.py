"""A trunk of the configuration, in the words of Asterisk's ``pjsip.conf``."""

import ipaddress
import socket
from urllib.parse import quote

from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.config.schema import NodeConfig, TrunkConfig


def trunk_values(trunk: TrunkConfig, node: NodeConfig) -> dict[str, object]:
    """Return what the template of ``pjsip.conf`` needs of a trunk; ``None`` leaves a setting out.

    Raises ``ProvisionError`` where the trunk cannot work as it is configured.
    """
    host = trunk.host.strip("[]")
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        if ":" in host:
            raise ProvisionError(
                f"the trunk {trunk.name} has the host {trunk.host!r}: write the port in its own key"
            ) from None
        version = 4
    place = f"[{host}]:{trunk.port}" if version == 6 else f"{host}:{trunk.port}"  # noqa: PLR2004 - IP version 6
    suffix = ";transport=tcp" if trunk.transport == "tcp" else ""
    user = quote(trunk.username, safe="-_.!~*'()&=+$,/") if trunk.username else None
    password = trunk.password.get_secret_value() if trunk.password else ""
    if trunk.username and not password:
        raise ProvisionError(f"the trunk {trunk.name} has a username and no password")
    return {
        "name": trunk.name,
        "transport": trunk.transport,
        "codecs": trunk.codecs,
        "dtmf_mode": trunk.dtmf_mode,
        "caller_id": trunk.caller_id,
        "from_user": trunk.caller_id or user,
        "username": trunk.username,
        "password": password,
        "registers": bool(trunk.username and trunk.register_),
        "contact": f"sip:{place}{suffix}",
        "match": host,
        "server_uri": f"sip:{place}{suffix}",
        "client_uri": f"sip:{user}@{place}{suffix}",
        "contact_user": user,
        "media_address": _media_address(node, host, trunk.port),
    }


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
