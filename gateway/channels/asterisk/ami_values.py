"""What may stand in an AMI action, and how an AMI message is read.

AMI is lines of ``Header: value``; a line break inside a value would begin a header of its own, and an
empty line an action of its own. So nothing but ids, numbers, names and paths is ever
written, and each is checked against the narrow set of characters that it needs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

CHANNEL_ID_PREFIX = "tocsin-"
DATABASE_FAMILY = "tocsin"

_CALL_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_PATH = re.compile(r"/[0-9A-Za-z._/+@=-]{1,500}")
_SAFE = re.compile(r"[\x20-\x7e]*")
_EPOCH = re.compile(r"\d{1,11}(?:\.\d{1,9})?")
_SIP_CALL_ID = re.compile(r"[!-~]{1,255}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INTEGER = re.compile(r"\d{1,9}")
_SIP_STATUS = re.compile(r"(?:SIP )?([1-6]\d\d)(?: .*)?")


class UnsafeValueError(ValueError):
    """A value may not be written to the phone system. It names a file, a number or an id with characters beyond the
    permitted ones; rename the file or directory, or correct the number.
    """  # noqa: D205 (one sentence of meaning is longer than a line)


def checked(value: str) -> str:
    """Return a header's value if it is printable ASCII in one line. Raises ``UnsafeValueError``."""
    return _matching(_SAFE, value, "a value")


def checked_call_id(call_id: str) -> str:
    """Return the id of a call if it is letters and digits. Raises ``UnsafeValueError``."""
    return _matching(_CALL_ID, call_id, "a call's id")


def checked_number(number: str) -> str:
    """Return a phone number if it is digits, perhaps after a plus. Raises ``UnsafeValueError``."""
    return _matching(_NUMBER, number, "a phone number")


def checked_path(path: Path) -> str:
    """Return an absolute path that can stand in a channel variable. Raises ``UnsafeValueError``.

    Originate splits variables at commas, and the dialplan's ``Background`` joins files by ``&``.
    """
    return _matching(_PATH, str(path), "a path")


def channel_id(call_id: str) -> str:
    """Return the unique id of the call's channel."""
    return CHANNEL_ID_PREFIX + checked_call_id(call_id)


def call_id_of(unique_id: str) -> str | None:
    """Return the call that a channel's unique id belongs to, ``None`` where the channel is not ours."""
    call_id = unique_id.removeprefix(CHANNEL_ID_PREFIX)
    return call_id if call_id != unique_id and _CALL_ID.fullmatch(call_id) else None


def text(ami_message: Mapping[str, object], header: str) -> str:
    """Return a header's value, the first where it stands more than once, and ``""`` where it does not stand."""
    value = ami_message[header] if header in ami_message else ""  # noqa: SIM401 (its get() reads class attributes too)
    if isinstance(value, list):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""


def integer(value: str) -> int | None:
    """Return a whole number that is not negative, ``None`` for anything else."""
    value = value.strip()
    return int(value) if _INTEGER.fullmatch(value) else None


def sip_status(value: str) -> int | None:
    """Return the SIP status of ``486`` or ``SIP 486 Busy Here``, ``None`` for anything else."""
    match = _SIP_STATUS.fullmatch(value.strip())
    return int(match[1]) if match else None


def sip_call_id(value: str) -> str | None:
    """Return a Call-ID (RFC 3261, 25.1: characters without space), ``None`` for anything else."""
    value = value.strip()
    return value if _SIP_CALL_ID.fullmatch(value) else None


def sha256(value: str) -> str | None:
    """Return a SHA-256 in hexadecimal digits, ``None`` for anything else."""
    return value if _SHA256.fullmatch(value) else None


def number(value: str) -> str | None:
    """Return a phone number, ``None`` for anything else."""
    return value if _NUMBER.fullmatch(value) else None


def instant(value: str) -> datetime | None:
    """Return the time of an epoch in seconds, ``None`` for anything else."""
    value = value.strip()
    return datetime.fromtimestamp(float(value), UTC) if _EPOCH.fullmatch(value) else None


def _matching(pattern: re.Pattern[str], value: str, what: str) -> str:
    if pattern.fullmatch(value) is None:
        raise UnsafeValueError(f"{what} holds characters that may not go to the phone system: {value!r}")
    return value
