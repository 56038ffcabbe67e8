"""The gateway's own Asterisk for tests: a node with one trunk to a carrier, on free ports, started and stopped."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from gateway.channels.asterisk.provision import RunningAsterisk, down, up
from gateway.config.schema import AsteriskConfig, NodeConfig
from tests.ports import free_port, free_range
from tests.telephony.carrier_ami import AmiClient, Packet


def asterisk_config(
    trunks: Mapping[str, int],
    *,
    name: str = "pbx1",
    trunk_settings: Mapping[str, object] | None = None,
    each: Mapping[str, Mapping[str, object]] | None = None,
    node_settings: Mapping[str, object] | None = None,
) -> AsteriskConfig:
    """Return the configuration of one node with trunks (name to the carrier's SIP port), all on loopback.

    ``trunk_settings`` are further keys of every trunk, as in ``tocsin.yaml``, ``each`` of those of that name, and
    ``node_settings`` of the node.
    """
    start, end = free_range()
    return AsteriskConfig.model_validate(
        {
            "nodes": [
                {
                    "name": name,
                    "host": "127.0.0.1",
                    "port": free_port(),
                    "secret": secrets.token_hex(16),
                    "sip_bind": f"127.0.0.1:{free_port()}",
                    "rtp_ports": f"{start}-{end}",
                    **(node_settings or {}),
                }
            ],
            "trunks": [
                {
                    "name": trunk,
                    "node": name,
                    "host": "127.0.0.1",
                    "port": port,
                    "caller_id": "+15550100",
                    **(trunk_settings or {}),
                    **((each or {}).get(trunk, {})),
                }
                for trunk, port in trunks.items()
            ],
        }
    )


@dataclass(slots=True)
class GatewayPbx:
    """A node of a configuration, running while the context lasts. All its files are below ``directory``."""

    config: AsteriskConfig
    directory: Path
    running: RunningAsterisk | None = None

    @property
    def node(self) -> NodeConfig:
        return self.config.nodes[0]

    @property
    def secret(self) -> str:
        secret = self.node.secret
        assert secret is not None
        return secret.get_secret_value()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.running = up(self.config, self.node, self.secret, self.directory)

    def stop(self) -> bool:
        return down(self.node, self.directory, timeout=timedelta(seconds=2))

    def ami(self, listener: Callable[[Packet], None] | None = None) -> AmiClient:
        """Return a bare AMI connection with the gateway's own rights."""
        return AmiClient(self.node.port, self.node.username, self.secret, listener=listener)
