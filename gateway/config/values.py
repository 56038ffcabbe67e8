"""What kinds of values stand in ``tocsin.yaml``: durations, numbers, addresses, secrets."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_POSTGRESQL = re.compile(
    r"postgresql\+psycopg://(?:.*@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/:?#@]*)(?::\d{1,5})?(?:/[^\s?]*)?(?:\?\S*)?"
)
LARGEST_PORT = 65535
_REGION = 2
_LONGEST_DURATION = timedelta(days=3650)
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


def parse_url_with_query(value: str) -> str:
    """Return an address that may have a query. Raises ``ValueError``."""
    parts = urlsplit(value)
    return f"{_url(parts._replace(query='').geturl())}?{parts.query}" if parts.query else _url(value)


def parse_database_url(value: str) -> str:
    """Return the address of a database of a kind that the store knows. Raises ``ValueError``."""
    if value.startswith(("postgres://", "postgresql://")):
        raise ValueError("must name the driver: write postgresql+psycopg:// instead")
    if not (re.match("sqlite:///.", value) or _POSTGRESQL.fullmatch(value)):
        raise ValueError(
            "not a database this version knows: write sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    if value.startswith("sqlite:///") and (":memory:" in value or "mode=memory" in value):
        raise ValueError("must be a file: a database in memory is lost at the end and cannot be shared by processes")
    return value


def parse_address(value: str) -> str:
    """Return ``HOST:PORT``, IPv6 in brackets. Raises ``ValueError``."""
    host, _, port = value.rpartition(":")
    if ":" in host and not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", host):
        raise ValueError("an IPv6 address stands in brackets: write as in [::1]:8080")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) <= LARGEST_PORT:
        raise ValueError("not an address and port: write as in 127.0.0.1:8080")
    return value


def parse_ip_address_and_port(value: str) -> str:
    """Return ``ADDRESS:PORT``, whose address is no name. Raises ``ValueError``."""
    ipaddress.ip_address(parse_address(value).rpartition(":")[0].strip("[]"))
    return value


def parse_port_range(value: str) -> str:
    """Return ``FIRST-LAST``. Raises ``ValueError``."""
    match = re.fullmatch(r"(\d+)-(\d+)", value)
    if match is None or not 0 < int(match[1]) < int(match[2]) <= LARGEST_PORT:
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
Port = Annotated[Whole, Field(ge=1, le=LARGEST_PORT)]


class Section(BaseModel):
    """A section of the configuration: unknown keys are errors, and no value is repeated in one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
