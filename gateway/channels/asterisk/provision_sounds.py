"""The receiver of sounds of a node that shares no folder with the gateway, as it is started there."""

from pathlib import Path

from gateway.channels.asterisk import sounds_receiver
from gateway.channels.asterisk.sounds_http import sounds_key
from gateway.config.schema import NodeConfig

RECEIVER = Path(sounds_receiver.__file__)
"""The program, which needs nothing beside itself."""


def receiver_settings(node: NodeConfig, secret: str, *, host: str) -> dict[str, object]:
    """Return what the receiver reads from ``sounds.json``: ``host`` is the address that it listens on, as AMI does.

    With TLS of the AMI it has that certificate.
    """
    tls = node.ami_tls
    return {
        "host": host,
        "port": node.sounds_port,
        "directory": str(node.sounds_dir.absolute()),
        "key": sounds_key(secret),
        **({"certificate": str(tls.certificate), "private_key": str(tls.key or tls.certificate)} if tls else {}),
    }
