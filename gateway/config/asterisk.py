"""The part of ``tocsin.yaml`` about Asterisk: its servers and the trunks to the carriers."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.config.asterisk_values import (
    AsteriskPath,
    CarrierAddress,
    Country,
    Identity,
    Network,
    Proxy,
    Seconds,
    parse_distinct,
    parse_expiry,
)
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

TLS_PORT = 5061
"""The port of SIP over TLS (RFC 3261, 19.1.2)."""

Codec = Literal["ulaw", "alaw", "g722", "opus", "slin16"]
WIDEBAND_CODECS: frozenset[Codec] = frozenset({"g722", "opus", "slin16"})
"""Those that carry speech above 4 kHz."""
NumberFormat = Literal["e164", "digits", "international", "national"]


class SipTlsConfig(Section):
    """TLS towards carriers. The files are on the node's machine; nothing older than TLS 1.2 is spoken."""

    ca_file: AsteriskPath | None = None
    certificate: AsteriskPath | None = None
    key: AsteriskPath | None = None
    verify_server: bool = True
    method: Literal["tlsv1_2", "tlsv1_3"] = "tlsv1_2"


class AmiTlsConfig(Section):
    """TLS of the AMI. ``certificate`` and ``key`` are on the node's machine, ``ca_file`` on the gateway's."""

    certificate: AsteriskPath
    key: AsteriskPath | None = None
    ca_file: Path | None = None
    server_name: Host | None = None


class NodeConfig(Section):
    """One Asterisk server. ``secret`` is made and kept under ``var_dir`` where absent."""

    name: Name
    host: Host
    port: Port = 5038
    username: Name = "tocsin"
    secret: Secret | None = None
    ami_tls: AmiTlsConfig | None = None
    gateways: tuple[Network, ...] = ()
    sip_bind: Annotated[str, AfterValidator(parse_ip_address_and_port)] = "127.0.0.1:5060"
    sip_tls_bind: Annotated[str, AfterValidator(parse_ip_address_and_port)] | None = None
    sip_permit: tuple[Network, ...] = ()
    tls: SipTlsConfig = SipTlsConfig()
    external_address: Host | None = None
    local_networks: tuple[Network, ...] = ()
    rtp_ports: Annotated[str, AfterValidator(parse_port_range)] = "10000-20000"
    sounds: Literal["shared", "http"] = "shared"
    sounds_dir: Path = Path("/var/lib/tocsin/sounds")
    sounds_port: Port = 5048

    @property
    def sip_tls_address(self) -> str:
        """``HOST:PORT`` of SIP over TLS: as configured, else the port after that of ``sip_bind``."""
        if self.sip_tls_bind is not None:
            return self.sip_tls_bind
        host, _, port = self.sip_bind.rpartition(":")
        return f"{host}:{int(port) + 1}"


class TrunkConfig(Section):
    """One SIP trunk. Without ``username`` the carrier knows us by our address."""

    name: Name
    node: Name
    host: Host
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    tls: SipTlsConfig | None = None
    srtp: Literal["off", "sdes"] = "off"
    outbound_proxy: Proxy | None = None
    match: tuple[CarrierAddress, ...] = ()
    username: Plain | None = None
    password: Secret | None = None
    register_: bool = Field(default=True, alias="register")
    registrar: Proxy | None = None
    contact_user: Plain | None = None
    register_expiry: Annotated[Seconds, AfterValidator(parse_expiry)] = timedelta(minutes=5)
    from_user: Plain | None = None
    from_domain: Host | None = None
    caller_id: E164 | None = None
    p_asserted_identity: Identity = "off"
    privacy: bool = False
    number_format: NumberFormat = "e164"
    caller_id_format: NumberFormat | None = None
    country: Country | None = None
    prefix: Annotated[str, Field(pattern=r"^\+?[0-9]{1,10}$")] | None = None
    qualify: Seconds = timedelta(seconds=30)
    max_calls: Annotated[Whole, Field(ge=1)] = 30
    calls_per_second: Annotated[Fraction, Field(gt=0)] = 5
    codecs: Annotated[tuple[Codec, ...], AfterValidator(parse_distinct)] = ("ulaw", "alaw")
    dtmf_mode: Literal["rfc4733", "inband", "info", "auto"] = "rfc4733"

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("transport") == "tls" and "port" not in values:
            return {**values, "port": TLS_PORT}
        return values

    @model_validator(mode="after")
    def _keys_fit(self) -> "TrunkConfig":
        if "national" in {self.number_format, self.caller_id_format} and self.country is None:
            raise PydanticCustomError(CROSS_CHECK, "national numbers need the country of the trunk")
        if self.p_asserted_identity == "caller_id" and self.caller_id is None:
            raise PydanticCustomError(CROSS_CHECK, "p_asserted_identity is caller_id, and there is none")
        return self

    @property
    def wideband(self) -> bool:
        """Whether a call through this trunk may carry more than the 4 kHz of the telephone."""
        return not WIDEBAND_CODECS.isdisjoint(self.codecs)

    @property
    def asserted_number(self) -> str | None:
        """The number (E.164) that P-Asserted-Identity says, ``None`` where the header is not sent."""
        if self.p_asserted_identity == "off":
            return None
        return self.caller_id if self.p_asserted_identity == "caller_id" else self.p_asserted_identity


class AsteriskConfig(Section):
    """The phone systems and their trunks, in the order in which trunks are tried."""

    nodes: tuple[NodeConfig, ...] = ()
    trunks: tuple[TrunkConfig, ...] = ()

    @property
    def wideband(self) -> bool:
        """Whether any trunk may carry more than the 4 kHz of the telephone."""
        return any(trunk.wideband for trunk in self.trunks)

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
