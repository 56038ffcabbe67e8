"""What may stand in ``tocsin.yaml``, with every default.

Unknown keys are errors. Durations are written ``500ms``, ``30s``, ``2m``, ``1h``.
"""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from gateway.model.caps import CallCaps
from gateway.model.policy import Policy, Tier

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_POSTGRESQL = re.compile(
    r"postgresql\+psycopg://(?:.*@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/:?#@]*)(?::\d{1,5})?(?:/[^\s?]*)?(?:\?\S*)?"
)
_LARGEST_PORT = 65535
_REGION = 2
_LONGEST_DURATION = timedelta(days=3650)
_POLICY = Policy()
_CAPS = CallCaps()
CROSS_CHECK = "cross_check"
"""The type of pydantic's error where keys that are right one by one do not fit each other.

The loader replaces these: it checks the same on the values as written, and so finds them together with all others.
"""


def parse_duration(value: object) -> timedelta:
    """Return the length of time that ``500ms``, ``30s``, ``2m``, ``1h`` or ``7d`` means. Raises ``ValueError``."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration: write a number and a unit, as in 500ms, 30s, 2m or 1h")
    seconds = float(match["number"]) * _UNITS[match["unit"]]
    if seconds > _LONGEST_DURATION.total_seconds():
        raise ValueError("longer than ten years")
    return timedelta(seconds=seconds)


def parse_e164(value: str) -> str:
    """Return a phone number in E.164 (ITU-T), ``+`` and digits. Raises ``ValueError``."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("not an E.164 number: write + and the country code, as in +15550100") from error
    if not phonenumbers.is_possible_number(number) and not re.fullmatch(r"\+[1-9]\d{6,14}", value):
        raise ValueError("not an E.164 number: too short or too long")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_language(value: str) -> str:
    """Return a language tag (BCP 47), as in ``en``, ``pt-BR`` or ``zh-Hant-HK``. Raises ``ValueError``."""
    if not re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", value):
        raise ValueError("not a language tag: write as in en, es, pt-BR or zh-HK")
    language, *rest = value.split("-")
    return "-".join([language.lower(), *(part.upper() if len(part) == _REGION else part for part in rest)])


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _number(value: object) -> object:
    # Python takes true for 1; a person who wrote true did not mean a number.
    if isinstance(value, bool):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic turns ValueError into a mistake
    return value


def _one_line(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable():
        raise ValueError("a secret must be one line of printable characters")
    if not value.get_secret_value():
        raise ValueError("a secret must not be empty")
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("not a URL: write as in https://alerts.example.com")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be a plain address, without user name, ? and #")
    _ = parts.port  # Raises ValueError where it is none.
    return value.rstrip("/")


def _url_with_query(value: str) -> str:
    parts = urlsplit(value)
    return f"{_url(parts._replace(query='').geturl())}?{parts.query}" if parts.query else _url(value)


def _database_url(value: str) -> str:
    if value.startswith(("postgres://", "postgresql://")):
        raise ValueError("must name the driver: write postgresql+psycopg:// instead")
    if not (re.match("sqlite:///.", value) or _POSTGRESQL.fullmatch(value)):
        raise ValueError(
            "not a database this version knows: write sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    if value.startswith("sqlite:///") and (":memory:" in value or "mode=memory" in value):
        raise ValueError("must be a file: a database in memory is lost at the end and cannot be shared by processes")
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if ":" in host and not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", host):
        raise ValueError("an IPv6 address stands in brackets: write as in [::1]:8080")
    if not host or not port.isdigit() or not 0 < int(port) <= _LARGEST_PORT:
        raise ValueError("not an address and port: write as in 127.0.0.1:8080")
    return value


def _ip_address_and_port(value: str) -> str:
    ipaddress.ip_address(_address(value).rpartition(":")[0].strip("[]"))
    return value


def _port_range(value: str) -> str:
    match = re.fullmatch(r"(\d+)-(\d+)", value)
    if match is None or not 0 < int(match[1]) < int(match[2]) <= _LARGEST_PORT:
        raise ValueError("not a range of ports: write as in 10000-20000")
    return value


def _plain(value: str) -> str:
    # These values stand in Asterisk's line-based files and in AMI headers, where a line break begins another setting.
    if not value.isprintable() or any(mark in value for mark in ";[]\\"):
        raise ValueError("may hold printable characters only, without ; [ ] and \\")
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Fraction = Annotated[float, BeforeValidator(_number)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Length = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive)]
Secret = Annotated[SecretStr, AfterValidator(_one_line)]
Url = Annotated[str, AfterValidator(_url)]
E164 = Annotated[str, AfterValidator(parse_e164)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Plain = Annotated[str, AfterValidator(_plain), Field(max_length=255)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]{1,253}$")]
Port = Annotated[Whole, Field(ge=1, le=_LARGEST_PORT)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class WebConfig(_Section):
    """The web processes."""

    bind: Annotated[str, AfterValidator(_address)] = "127.0.0.1:8080"
    public_url: Url = "http://127.0.0.1:8080"
    workers: Annotated[Whole, Field(ge=1, le=64)] = 2
    threads: Annotated[Whole, Field(ge=1, le=256)] = 8


class AckLinksConfig(_Section):
    """Acknowledgement links."""

    require_tap: bool = False


class NodeConfig(_Section):
    """One Asterisk server. ``secret`` is made and kept under ``var_dir`` where absent."""

    name: Name
    host: Host
    port: Port = 5038
    username: Name = "tocsin"
    secret: Secret | None = None
    sip_bind: Annotated[str, AfterValidator(_ip_address_and_port)] = "127.0.0.1:5060"
    rtp_ports: Annotated[str, AfterValidator(_port_range)] = "10000-20000"
    sounds_dir: Path = Path("/var/lib/tocsin/sounds")


class TrunkConfig(_Section):
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


class AsteriskConfig(_Section):
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


class TwilioConfig(_Section):
    """WhatsApp by Twilio. With ``content_sid`` the text goes by that approved template, else as free text."""

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    api_base: Url = "https://api.twilio.com"
    whatsapp_from: E164 | None = None
    voice_from: E164 | None = None
    content_sid: Annotated[str, Field(pattern=r"^HX[0-9a-fA-F]{32}$")] | None = None
    timeout: Length = timedelta(seconds=10)


class TelegramConfig(_Section):
    """The bot that tells the licenses' owners."""

    bot_token: Secret
    api_base: Url = "https://api.telegram.org"
    timeout: Length = timedelta(seconds=10)


class TtsConfig(_Section):
    """Speech. ``coqui`` may stand here already; this version speaks with ``espeak`` alone."""

    engine: Literal["espeak"] = "espeak"
    coqui: dict[str, object] | None = None
    time_limit: Length = timedelta(seconds=5)


class EngineConfig(_Section):
    """Sizes of the engine process, and how it looks after itself."""

    actor_threads: Annotated[Whole, Field(ge=1, le=64)] = 4
    io_threads: Annotated[Whole, Field(ge=1, le=256)] = 16
    audit_every: Length = timedelta(seconds=30)
    heartbeat_url: Annotated[str, AfterValidator(_url_with_query)] | None = None
    heartbeat_every: Length = timedelta(minutes=1)


class CallCapsConfig(_Section):
    """How often one person and one number may be called, whoever's alerts they are."""

    per_contact_gap: Length = _CAPS.per_contact_gap
    per_contact_hour: Annotated[Whole, Field(ge=1)] = _CAPS.per_contact_hour
    per_number_3h: Annotated[Whole, Field(ge=1)] = _CAPS.per_number_3h

    def caps(self) -> CallCaps:
        """Return the same as the model's value."""
        return CallCaps(**dict(self))


class PolicyConfig(_Section):
    """The defaults of the policy; a license may override each."""

    l1_wait: Duration = _POLICY.l1_wait
    l2_wait: Duration = _POLICY.l2_wait
    call_attempts: Annotated[Whole, Field(ge=0, le=10)] = _POLICY.call_attempts
    ring_timeout: Length = _POLICY.ring_timeout
    call_gap: Duration = _POLICY.call_gap
    dedup_window: Duration = _POLICY.dedup_window
    events_per_minute: Annotated[Whole, Field(ge=1)] = _POLICY.events_per_minute
    stand_down: bool = _POLICY.stand_down
    send_timeout: Length = _POLICY.send_timeout
    retry_backoff: Length = _POLICY.retry_backoff
    retry_backoff_max: Length = _POLICY.retry_backoff_max
    call_retry_for: Duration = _POLICY.call_retry_for
    owner_retry_for: Duration = _POLICY.owner_retry_for
    link_lifetime: Length = _POLICY.link_lifetime

    def policy(self) -> Policy:
        """Return the same as the model's value."""
        return Policy(**dict(self))


class TierConfig(_Section):
    """What one tier includes; ``null`` is without limit."""

    voice_note: bool = True
    call: bool = True
    voice_minutes: Annotated[Whole, Field(ge=0)] | None = None
    events_per_month: Annotated[Whole, Field(ge=0)] | None = None

    def tier(self) -> Tier:
        """Return the same as the model's value."""
        return Tier(**dict(self))


def _default_tiers() -> dict[str, TierConfig]:
    return {
        "basic": TierConfig(voice_note=False, voice_minutes=5),
        "pro": TierConfig(voice_minutes=50),
        "enterprise": TierConfig(voice_minutes=500),
    }


class Config(_Section):
    """The whole file. ``var_dir`` is where the gateway keeps secrets that it made, audio and SQLite's file."""

    var_dir: Path = Path("var")
    database_url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///var/tocsin.db"
    secret_key: Secret | None = None
    web: WebConfig = WebConfig()
    ack_links: AckLinksConfig = AckLinksConfig()
    asterisk: AsteriskConfig | None = None
    twilio: TwilioConfig | None = None
    telegram: TelegramConfig | None = None
    tts: TtsConfig = TtsConfig()
    engine: EngineConfig = EngineConfig()
    call_caps: CallCapsConfig = CallCapsConfig()
    policy: PolicyConfig = PolicyConfig()
    tiers: dict[Name, TierConfig] = Field(default_factory=_default_tiers)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        # A section whose keys are all commented out reads as null: it is absent.
        filled = {key: value for key, value in values.items() if value is not None}
        if "var_dir" in filled and "database_url" not in filled:
            filled["database_url"] = f"sqlite:///{filled['var_dir']}/tocsin.db"
        return filled
