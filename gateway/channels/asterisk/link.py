"""The network connection to an Asterisk's manager interface: TCP, or TLS where the node has it."""

import asyncio
import ssl
from dataclasses import dataclass, field

from gateway.channels.asterisk.wire import AMIWire, WireListener
from gateway.config.asterisk import NodeConfig


@dataclass(frozen=True, slots=True)
class ManagerLogin:
    """How to reach an Asterisk's AMI: its address and port, and a user whose rights include the class ``system``.

    ``tls`` verifies that the certificate has the name ``tls_name``; ``None`` is plain TCP.
    """

    address: tuple[str, int]
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    tls_name: str | None = None


def login_of(node: NodeConfig, secret: str, *, address: str | None = None) -> ManagerLogin:
    """Return how to log in to a node, at another address than its host if one is given.

    Raises ``OSError`` (``ssl.SSLError`` among them) where its CA file cannot be read.
    """
    host = node.host.strip("[]")
    name = (node.ami_tls.server_name or host) if node.ami_tls else None
    return ManagerLogin((address or host, node.port), node.username, secret, tls_of(node), name)


def tls_of(node: NodeConfig) -> ssl.SSLContext | None:
    """Return what verifies the node's certificate, TLS 1.2 at least; ``None`` where its AMI is plain TCP.

    Raises ``OSError`` where the CA file cannot be read.
    """
    if node.ami_tls is None:
        return None
    context = ssl.create_default_context(cafile=str(node.ami_tls.ca_file) if node.ami_tls.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def open_wire(node: NodeConfig, listener: WireListener) -> AMIWire:
    """Connect to a node; its greeting is awaited by the caller. Raises ``OSError``."""
    login = login_of(node, "")
    _, wire = await asyncio.get_running_loop().create_connection(
        lambda: AMIWire(listener), *login.address, ssl=login.tls, server_hostname=login.tls_name
    )
    return wire
