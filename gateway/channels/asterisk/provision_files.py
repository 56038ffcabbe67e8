"""The files of one Asterisk server, from the templates in ``asterisk-conf``.

Asterisk's files are made of lines, so that a line break in a value begins another setting and
a semicolon ends one. Every value is checked and escaped on its way into a template, whatever
the configuration's own checks let pass.
"""

import hashlib
import hmac
import ipaddress
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from gateway.channels.asterisk.originate import OPERATOR_WAYS
from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.channels.asterisk.provision_sounds import RECEIVER, receiver_settings
from gateway.channels.asterisk.provision_trunks import transports, trunk_values, without_probed
from gateway.config.asterisk import WIDEBAND_CODECS
from gateway.config.schema import AsteriskConfig, NodeConfig
from gateway.config.values import LARGEST_PORT
from gateway.ports.phone import KEY_WAIT, LONGEST_CALL, LONGEST_HANDOFF, MESSAGE_ROUNDS

# <repository>/gateway/channels/asterisk/provision_files.py
REPOSITORY = Path(__file__).resolve().parents[3]
TEMPLATES = REPOSITORY / "asterisk-conf"

# Fixed numbers of the dialplan. Seconds, where nothing else is said.
_DIALPLAN = {
    "repeats": MESSAGE_ROUNDS,  # how often the message is said
    "key_wait": int(KEY_WAIT.total_seconds()),  # for a key after each
    "takeover_wait": 2.5,  # for the gateway's answer after key 1
    "wrong_keys": 9,  # keys without a meaning, before the call is ended
    "pin_digits": 10,  # the longest PIN
    "pin_wait": 6,  # for its next digit
    "operator_ring": 45,
    "operator_ways": OPERATOR_WAYS,
    # Milliseconds: silence at the beginning, the longest greeting of a person, silence after it, and all together; the
    # shortest word and gap; how many words (out of use: people say several); the level of silence; the longest word.
    # While it plays a file, AMD counts all its time 1.8 times too fast (Asterisk 22): 6.6 s are over after 3.7.
    "amd": "2000,1700,800,6600,100,50,20,256,5000",
    "machine_silence": 2000,  # milliseconds, after a machine's greeting and tone
    "machine_wait": 45,  # for that
    "machine_longest": 180,
    "longest_call": int(LONGEST_CALL.total_seconds()),
    "handoff_limit": int(LONGEST_HANDOFF.total_seconds()),
    # Frequencies in Hz and lengths in milliseconds, as in indications.conf: once, not over and over (!).
    "alarm_tones": "!950/330,!1400/330,!1800/330,!0/250,!950/330,!1400/330,!1800/330,!0",
    "alarm_seconds": 2.5,
    "wideband_codecs": sorted(WIDEBAND_CODECS),
}
_AMI_EVENTS = (
    "UserEvent",
    "OriginateResponse",
    "Newchannel",
    "Newstate",
    "DialState",  # early media (SIP 183), which is a ringing phone too
    "Hangup",
    "ContactStatus",
    "Registry",
    "FullyBooted",
    "Shutdown",
)
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_SOCKET_PATH_MAX = 107  # bytes of a Unix socket's path, unix(7)
_FILES_PER_CHANNEL = 6
_SPARE_CHANNELS = 20
_SPARE_FILES = 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """The directories of one Asterisk server, all below ``base``."""

    base: Path

    @property
    def etc(self) -> Path:
        """The configuration."""
        return self.base / "etc"

    @property
    def state(self) -> Path:
        """Asterisk's database: keys that were pressed, until they are recorded."""
        return self.base / "state"

    @property
    def spool(self) -> Path:
        """Asterisk's spool, unused but required."""
        return self.base / "spool"

    @property
    def run(self) -> Path:
        """The process's id and control socket."""
        return self.base / "run"

    @property
    def log(self) -> Path:
        """The logs."""
        return self.base / "log"

    @property
    def loaded(self) -> Path:
        """The configuration as the running Asterisk has it."""
        return self.base / "loaded"

    @property
    def config_file(self) -> Path:
        """The file that Asterisk is started with (``asterisk -C``)."""
        return self.etc / "asterisk.conf"

    def check(self) -> None:
        """Raise ``ProvisionError`` where Asterisk cannot have its directories there."""
        control_socket = os.fsencode(self.run / "asterisk.ctl")
        if len(control_socket) > _SOCKET_PATH_MAX:
            raise ProvisionError(
                f"{self.base} is too long a path: Asterisk's control socket in it would have {len(control_socket)} "
                f"bytes, and a socket's path may have {_SOCKET_PATH_MAX}. Choose a shorter var_dir."
            )
        plain_value(self.base)

    def make(self) -> None:
        """Create the directories, readable by the present user alone. Raises ``ProvisionError``."""
        self.check()
        try:
            for directory in (self.base, self.etc, self.state, self.spool, self.run, self.log):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                directory.chmod(0o700)
        except OSError as error:
            raise ProvisionError(f"cannot create {error.filename}: {error.strerror}") from error


def plain_value(value: object) -> str:
    """Return a value as it may stand in one line of Asterisk's files; ``ProvisionError`` where it cannot.

    A semicolon, which begins a comment, is escaped with a backslash as Asterisk's parser wants it.
    """
    text = str(value)
    if not text.isprintable() or text != text.strip():
        # The value is not repeated in the message: it may be a password.
        raise ProvisionError(
            "a value for Asterisk's files has a line break, another unprintable character, or blanks around it"
        )
    return text.replace(";", "\\;")


def environment(templates: Path) -> jinja2.Environment:
    """Return the templates of a directory. Unknown names in them are errors, and every value is made plain."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        finalize=plain_value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the files are no HTML; plain_value escapes for Asterisk
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The digests by which a running Asterisk tells what it runs: of its dialplan, and of its SIP configuration."""

    dialplan: str
    pjsip: str


def versions(config: AsteriskConfig, node: NodeConfig, secret: str = "", *, templates: Path = TEMPLATES) -> Versions:
    """Return the digests that belong to this gateway, this configuration and this node.

    A running Asterisk tells its own by AMI ``Getvar``: the dialplan's is the global variable
    ``TOCSIN_DIALPLAN_VERSION``, that of SIP the ``accountcode`` of every trunk's endpoint. What only the machine that
    writes the files sees is not part of them. SIP's is keyed with the AMI user's secret: passwords are in that file.
    Raises ``ProvisionError`` where the templates are missing or a value cannot stand in Asterisk's files.
    """
    values = _values(config, node, secret, Layout(Path("/")), modules_dir=None, data_dir=None, gateways=())
    values["trunks"] = [without_probed(trunk, node) for trunk in values["trunks"]]
    values |= {"dialplan_version": "", "pjsip_version": ""}
    templates_in = environment(templates)
    try:
        dialplan = templates_in.get_template("extensions.conf.j2").render(values)
        pjsip = templates_in.get_template("pjsip.conf.j2").render(values)
    except jinja2.TemplateNotFound as error:
        raise _without_templates(templates) from error
    return Versions(
        dialplan=hashlib.sha256(dialplan.encode()).hexdigest()[:16],
        pjsip=hmac.new(secret.encode(), pjsip.encode(), "sha256").hexdigest()[:16],
    )


def write_files(
    config: AsteriskConfig,
    node: NodeConfig,
    secret: str,
    layout: Layout,
    *,
    modules_dir: Path | None,
    data_dir: Path | None,
    gateways: Sequence[str],
    templates: Path,
    there: Layout | None = None,
) -> tuple[Path, ...]:
    """Write every file of a node's configuration, mode 0600, and return their paths.

    ``there`` is where the files will stand on the node's machine, if not at ``layout``. Raises ``ProvisionError``.
    """
    if not secret:
        raise ProvisionError(f"the node {node.name} has no secret")
    if node.username == "general":
        raise ProvisionError(
            f"the node {node.name} has the username general, which is a section of Asterisk's own: choose another"
        )
    known = versions(config, node, secret, templates=templates)
    there = there or layout
    values = _values(config, node, secret, there, modules_dir=modules_dir, data_dir=data_dir, gateways=gateways) | {
        "dialplan_version": known.dialplan,
        "pjsip_version": known.pjsip,
    }
    if there != layout:
        # What this machine sees of the network is not what that one will.
        values["trunks"] = [without_probed(trunk, node) for trunk in values["trunks"]]
    there.check()
    layout.make()
    templates_in = environment(templates)
    written = [
        _write(layout.etc / name.removesuffix(".j2"), templates_in.get_template(name).render(values))
        for name in sorted(templates_in.list_templates(extensions=["j2"]))
    ]
    if node.sounds == "http":
        settings = receiver_settings(node, secret, host=ami_address(node))
        written.append(_write(layout.etc / "sounds.json", json.dumps(settings, indent=1) + "\n"))
        written.append(_write(layout.base / RECEIVER.name, RECEIVER.read_text(encoding="utf-8")))
    return tuple(written)


def _values(
    config: AsteriskConfig,
    node: NodeConfig,
    secret: str,
    layout: Layout,
    *,
    modules_dir: Path | None,
    data_dir: Path | None,
    gateways: Sequence[str],
) -> dict[str, Any]:
    """Return what the templates are filled in with."""
    own = [trunk for trunk in config.trunks if trunk.node == node.name]
    channels = 2 * sum(trunk.max_calls for trunk in own) + _SPARE_CHANNELS
    rtp_start, rtp_end = node.rtp_ports.split("-")
    return {
        "node": node,
        "secret": secret,
        "layout": layout,
        "modules_dir": modules_dir,
        "data_dir": data_dir,
        "opus_module": opus_module(modules_dir),
        "ami_address": ami_address(node),
        "ami_tls": _ami_tls_values(node),
        "permitted": [_network(network) for network in (*_LOOPBACK, *node.gateways, *gateways)],
        "ami_events": _AMI_EVENTS,
        "trunks": [trunk_values(trunk, node, own) for trunk in own],
        "transports": transports(own, node),
        "sip_permit": [_network(network) for network in node.sip_permit],
        "srtp": any(trunk.srtp == "sdes" for trunk in own),
        "privacy": any(trunk.privacy for trunk in own),
        "codecs": {codec for trunk in own for codec in trunk.codecs},
        "rtp_start": rtp_start,
        "rtp_end": rtp_end,
        "max_channels": channels,
        "max_files": channels * _FILES_PER_CHANNEL + _SPARE_FILES,
        **_DIALPLAN,
    }


def _without_templates(templates: Path) -> ProvisionError:
    return ProvisionError(
        f"the Asterisk templates are not at {templates}: run Tocsin from its checkout (an editable install)"
    )


def _ami_tls_values(node: NodeConfig) -> dict[str, object] | None:
    """Return what ``manager.conf`` needs for TLS; ``None`` without it."""
    if node.ami_tls is None:
        return None
    address = ami_address(node)
    bind = f"[{address}]:{node.port}" if ":" in address else f"{address}:{node.port}"
    return {
        "bind": bind,
        "other_port": node.port + 1 if node.port < LARGEST_PORT else node.port - 1,
        "certificate": node.ami_tls.certificate,
        "key": node.ami_tls.key or node.ami_tls.certificate,
    }


def ami_address(node: NodeConfig) -> str:
    """Return the IP address that the node's AMI listens on. Raises ``ProvisionError`` where its name has none."""
    host = node.host.strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(host, node.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ProvisionError(f"the node {node.name} has the host {host}, which has no address: {error}") from error


def _network(network: str) -> str:
    try:
        return str(ipaddress.ip_network(network, strict=False))
    except ValueError as error:
        raise ProvisionError(f"{network!r} is no address or network that a gateway could have") from error


def opus_module(modules_dir: Path | None) -> str:
    """Return the name of the Opus codec's module: of the Asterisk whose modules are there, else of this machine's."""
    # Debian's build has the free codec, under a name of its own.
    places = [modules_dir] if modules_dir else sorted(Path("/usr/lib").glob("*/asterisk/modules"))
    debian = "codec_opus_open_source.so"
    return debian if any((place / debian).exists() for place in places) else "codec_opus.so"


def _write(path: Path, text: str) -> Path:
    """Write a file that holds secrets: never readable by others, not even while it is written."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise ProvisionError(f"cannot write {path}: {error.strerror}") from error
    return path
