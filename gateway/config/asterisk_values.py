"""Kinds of values that stand in Asterisk's files: networks, proxies, countries, paths on the node's machine."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from gateway.config.values import LARGEST_PORT, parse_duration, parse_e164

T = TypeVar("T")

_PROXY = re.compile(r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
_SAID = ("off", "caller_id")


def parse_network(value: str) -> str:
    """Return an IP address or network in CIDR notation. Raises ``ValueError``."""
    try:
        return str(ipaddress.ip_network(value.strip("[]"), strict=False))
    except ValueError as error:
        raise ValueError("not an address or network: write as in 192.0.2.10 or 192.0.2.0/28") from error


def parse_carrier_address(value: str) -> str:
    """Return an address, a network or a host name from which a carrier's requests come. Raises ``ValueError``."""
    if re.fullmatch(r"[0-9./]+|.*:.*|.*/.*", value):
        return parse_network(value)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", value):
        raise ValueError("not an address, network or host name: write as in 192.0.2.0/28 or sip2.carrier.example")
    return value


def parse_proxy(value: str) -> str:
    """Return ``HOST`` or ``HOST:PORT``, IPv6 in brackets. Raises ``ValueError``."""
    match = _PROXY.fullmatch(value)
    if match is None or not 0 < int(match["port"] or 1) <= LARGEST_PORT:
        raise ValueError("not a host with or without a port: write as in proxy.carrier.example:5060, without sip:")
    return value


def parse_country(value: str) -> str:
    """Return a country's two letters (ISO 3166). Raises ``ValueError``."""
    if value.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("not a country: write its two letters, as in DE or US")
    return value.upper()


def parse_identity(value: str) -> str:
    """Return ``off``, ``caller_id`` or a number in E.164. Raises ``ValueError``."""
    if value in _SAID:
        return value
    try:
        return parse_e164(value)
    except ValueError as error:
        raise ValueError("not understood: write off, caller_id or a number as in +15550100") from error


def parse_seconds(value: timedelta) -> timedelta:
    """Return a length of whole seconds, which is what Asterisk knows. Raises ``ValueError``."""
    if value < timedelta(0) or value % timedelta(seconds=1):
        raise ValueError("not whole seconds: write as in 30s or 2m")
    return value


def parse_expiry(value: timedelta) -> timedelta:
    """Return how long a registration is asked for: carriers refuse less than a minute. Raises ``ValueError``."""
    if value < timedelta(minutes=1):
        raise ValueError("too short: write at least 1m")
    return value


def parse_asterisk_path(value: Path) -> Path:
    """Return an absolute path that can stand in a line of Asterisk's files. Raises ``ValueError``."""
    if not value.is_absolute() or not re.fullmatch(r"[\w./@%+=:, -]+", str(value)):
        raise ValueError("not an absolute path of plain characters: Asterisk does not start where the gateway does")
    return value


def parse_distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    """Return a list that has something in it, and nothing twice. Raises ``ValueError``."""
    if not values:
        raise ValueError("an empty list: leave the key out for its default")
    if len(set(values)) < len(values):
        raise ValueError("something stands twice in the list: keep one")
    return values


Network = Annotated[str, AfterValidator(parse_network)]
CarrierAddress = Annotated[str, AfterValidator(parse_carrier_address)]
Proxy = Annotated[str, AfterValidator(parse_proxy)]
Country = Annotated[str, AfterValidator(parse_country)]
Identity = Annotated[str, AfterValidator(parse_identity)]
Seconds = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(parse_seconds),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s", when_used="json"),
]
AsteriskPath = Annotated[Path, AfterValidator(parse_asterisk_path)]
