"""Addresses: links, e-mail, hosts, IP and MAC addresses, telephone numbers."""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

import re

from gateway.model.ear.codes import word
from gateway.model.ear.spelling import JOINT, digits, long_code, spelled
from gateway.model.languages.form import Ear

URL = r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|[wW]{3}\.)[^\s<>\"'\[\](){}，。；：！？、（）]*"
EMAIL = r"(?<![\w.+-])(?P<mailbox>[\w.+-]{1,64})@(?P<mail_host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
# Host names and the names of files; upper case would be an end of a sentence without a space.
HOST = r"(?<![\w.-])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,8}\.[a-z][a-z0-9]{1,15}(?![\w-])"
IPV4 = (
    r"(?<![\w.])(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:/(?P<prefix>[0-9]{1,2}))?(?::(?P<ip_port>[0-9]{1,5}))?"
    r"(?!\w|[.,/:][0-9])"
)
# Two colons together, or all eight groups: fewer are a ratio or a length of time.
IPV6 = (
    r"(?<![\w:])(?=[0-9A-Fa-f:]{0,40}[0-9])(?=[0-9A-Fa-f:]{0,40}::|(?:[0-9A-Fa-f]{1,4}:){7})"
    r"(?:[0-9A-Fa-f]{0,4}:){2,8}[0-9A-Fa-f]{1,4}(?![\w:])"
)
MAC = r"(?<![\w:-])[0-9A-Fa-f]{2}(?P<mac_sign>[:-])[0-9A-Fa-f]{2}(?:(?P=mac_sign)[0-9A-Fa-f]{2}){4}(?![\w:-])"
PHONE = r"\+[0-9](?:[ ./-]?\(?[0-9]\)?){5,15}(?![0-9])"

_AFTER_SCHEME = re.compile(r"(?:[A-Za-z0-9+.-]+://)?(?:[^/@?#]{0,200}@)?(?:[wW]{3}\.)?([\w.-]*)")
_LONGEST_HOST = 60
_LONGEST_OCTET = 255


def url(match: re.Match[str], ear: Ear) -> str:
    """Return a link by its host: a path nobody can follow, and the message in writing has it."""
    whole = match[0]
    address = whole.rstrip(".,;:!?")
    found = _AFTER_SCHEME.match(address)
    name = found[1].strip(".-_") if found else ""
    said = ear.link_to.format(host=_host(name, ear)) if name else ear.link
    return f" {said.replace(' ', JOINT)}{whole[len(address) :] or ' '}"


def email(match: re.Match[str], ear: Ear) -> str:
    """Return an e-mail address."""
    mailbox = match["mailbox"].replace(".", f" {ear.dot} ").replace("-", f" {ear.dash} ").replace("+", f" {ear.plus} ")
    return f"{mailbox.replace('_', ' ')} {ear.at} {_host(match['mail_host'], ear)}"


def host(match: re.Match[str], ear: Ear) -> str:
    """Return a host's or a file's name, with a word for its dots."""
    return _host(match[0], ear)


def ipv4(match: re.Match[str], ear: Ear) -> str:
    """Return an IPv4 address digit by digit, as it is dictated; its prefix and port as numbers."""
    parts = match["ip"].split(".")
    if any(int(part) > _LONGEST_OCTET for part in parts):
        return match[0].replace(".", f" {ear.dot} ").replace("/", f" {ear.slash} ").replace(":", " ")
    said = f" {ear.dot} ".join(JOINT.join(part) for part in parts)
    if match["prefix"]:
        said += f" {ear.slash} {match['prefix']}"
    if match["ip_port"]:
        said += ear.pause + ear.port.format(number=match["ip_port"])
    return said.replace(" ", JOINT)


def ipv6(match: re.Match[str], ear: Ear) -> str:
    """Return an IPv6 address by its end, as any long code."""
    return long_code(match[0].replace(":", "") if match[0].count(":") > 1 else match[0], ear)


def mac(match: re.Match[str], ear: Ear) -> str:
    """Return a MAC address pair by pair."""
    return ear.pause.join(spelled(pair, ear) for pair in re.split("[:-]", match[0]))


def phone(match: re.Match[str], ear: Ear) -> str:
    """Return a telephone number digit by digit, in the groups that it is written in."""
    groups = re.findall("[0-9]+", match[0])
    return f"{ear.plus}{JOINT if ear.spaced else ''}{ear.pause.join(digits(group, ear) for group in groups)}"


def _host(name: str, ear: Ear) -> str:
    shown = name if len(name) <= _LONGEST_HOST else name[-_LONGEST_HOST:].partition(".")[2] or name[:_LONGEST_HOST]
    parts = [re.sub(r"[^\W_]+", lambda part: word(part[0], ear), part) for part in shown.split(".") if part]
    return f" {ear.dot} ".join(part.replace("_", " ").replace("-", " ").strip(", ，") for part in parts)
