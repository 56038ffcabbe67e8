"""The part of ``tocsin.yaml`` about Asterisk: its servers and the trunks to the carriers."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.config.values import (
    CROSS_CHECK,
    E164,
    Fraction,
    Host,
    Name,
    Plain,
    Port,
    Secret,
    Section,
    Whole,
    parse_ip_address_and_port,
    parse_port_range,
)


class NodeConfig(Section):
    """One Asterisk server. ``secret`` is made and kept under ``var_dir`` where absent."""

    name: Name
    host: Host
    port: Port = 5038
    username: Name = "tocsin"
    secret: Secret | None = None
    sip_bind: Annotated[str, AfterValidator(parse_ip_address_and_port)] = "127.0.0.1:5060"
    rtp_ports: Annotated[str, AfterValidator(parse_port_range)] = "10000-20000"
    sounds_dir: Path = Path("/var/lib/tocsin/sounds")


class TrunkConfig(Section):
    """One SIP trunk. Without ``username`` the carrier knows us by our address."""

    name: Name
    node: Name
    host: Host
    port: Port = 5060
    transport: Literal["udp", "tcp"] = "udp"
    username: Plain | None = None
    password: Secret | None = None
    register_: bool = Field(default=True, alias="register")
    caller_id: E164 | None = None
    max_calls: Annotated[Whole, Field(ge=1)] = 30
    calls_per_second: Annotated[Fraction, Field(gt=0)] = 5
    codecs: tuple[Literal["ulaw", "alaw", "g722", "opus"], ...] = ("ulaw", "alaw")
    dtmf_mode: Literal["rfc4733", "inband", "info", "auto"] = "rfc4733"


class AsteriskConfig(Section):
    """The phone systems and their trunks, in the order in which trunks are tried."""

    nodes: tuple[NodeConfig, ...] = ()
    trunks: tuple[TrunkConfig, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> "AsteriskConfig":
        nodes = [node.name for node in self.nodes]
        trunks = [trunk.name for trunk in self.trunks]
        for kind, names in (("node", nodes), ("trunk", trunks)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise PydanticCustomError(
                    CROSS_CHECK, f"two {kind}s are called {', '.join(twice)}: give each its own name"
                )
        if unknown := sorted({trunk.node for trunk in self.trunks} - set(nodes)):
            raise PydanticCustomError(
                CROSS_CHECK, f"a trunk names the node {', '.join(unknown)}, which is not among the nodes"
            )
        return self
