"""Asterisk as Tocsin needs it: its configuration written, and started and stopped on this machine."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.channels.asterisk import provision_process as process
from gateway.channels.asterisk.link import login_of
from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.channels.asterisk.provision_files import (
    TEMPLATES,
    Layout,
    Versions,
    ami_address,
    versions,
    write_files,
)
from gateway.channels.asterisk.provision_reload import note_loaded
from gateway.channels.asterisk.provision_reload import reload as give_changes
from gateway.channels.asterisk.provision_trunks import transports
from gateway.config.schema import AsteriskConfig, NodeConfig

__all__ = [
    "Layout",
    "ProvisionError",
    "RunningAsterisk",
    "Versions",
    "down",
    "layout_of",
    "render",
    "runs",
    "up",
    "versions",
]

log = structlog.get_logger(__name__)

START_TIMEOUT = timedelta(seconds=30)
STOP_TIMEOUT = timedelta(seconds=10)
IDLE_TIMEOUT = timedelta(seconds=30)
"""How long a changed dialplan waits for a moment without calls. Longer than most calls, shorter than patience."""


@dataclass(frozen=True, slots=True)
class RunningAsterisk:
    """An Asterisk that runs on this machine. ``started`` is false where it ran already.

    ``reloaded`` are the files that it was given while it ran, ``pending`` says in words what of a changed configuration
    it will only take when it is stopped and started, or for the dialplan in a moment without calls.
    """

    pid: int
    layout: Layout
    started: bool
    reloaded: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def outdated(self) -> bool:
        """Whether it runs with something else than the present configuration."""
        return bool(self.pending)


def layout_of(node: NodeConfig, out_dir: Path) -> Layout:
    """Return where the node's files are below ``out_dir``: in a directory of the node's name."""
    return Layout(out_dir.absolute() / node.name)


def render(
    config: AsteriskConfig,
    node: NodeConfig,
    secret: str,
    out_dir: Path,
    *,
    gateways: Sequence[str] = (),
    installation: process.Installation | None = None,
    at: Path | None = None,
    templates: Path = TEMPLATES,
) -> Layout:
    """Write the node's complete Asterisk configuration to ``<out_dir>/<node>/etc``.

    Start it there with ``asterisk -C <out_dir>/<node>/etc/asterisk.conf``. For another machine, ``at`` is the directory
    there that ``<out_dir>/<node>`` will be copied into. ``secret`` is the AMI user's password. ``gateways`` are the
    addresses or networks that AMI connections may come from, beside this machine and those of the configuration.
    Raises ``ProvisionError`` where a value cannot stand in Asterisk's files.
    """
    layout = layout_of(node, out_dir)
    write_files(
        config,
        node,
        secret,
        layout,
        modules_dir=installation.modules_dir if installation else None,
        data_dir=installation.data_dir if installation else None,
        gateways=gateways,
        templates=templates,
        there=layout_of(node, at) if at is not None else None,
    )
    log.info("asterisk_configuration_written", node=node.name, directory=str(layout.etc))
    return layout


def up(
    config: AsteriskConfig,
    node: NodeConfig,
    secret: str,
    out_dir: Path,
    *,
    gateways: Sequence[str] = (),
    timeout: timedelta = START_TIMEOUT,
    idle_within: timedelta = IDLE_TIMEOUT,
    templates: Path = TEMPLATES,
) -> RunningAsterisk:
    """Write the node's configuration and run Asterisk with it on this machine, as the present user.

    Returns once it is ready for calls. Where it runs already, it is given what has changed, and no call is lost by
    that; a changed dialplan waits up to ``idle_within`` for a moment without calls. Raises ``ProvisionError``.
    """
    layout = layout_of(node, out_dir)
    pid = process.running_pid(layout)
    installation = process.find_installation()
    before = _contents(layout)
    render(config, node, secret, out_dir, gateways=gateways, installation=installation, templates=templates)
    if pid is not None:
        reloaded = give_changes(installation, layout, before, idle_within)
        if reloaded.files:
            log.info("asterisk_reloaded", node=node.name, pid=pid, files=reloaded.files)
        if reloaded.pending:
            log.warning("asterisk_configuration_outdated", node=node.name, pid=pid, pending=reloaded.pending)
        return RunningAsterisk(pid, layout, started=False, reloaded=reloaded.files, pending=reloaded.pending)
    address = (ami_address(node), node.port)
    process.require_free(address, socket.SOCK_STREAM, f"the AMI of the node {node.name}")
    trunks = [trunk for trunk in config.trunks if trunk.node == node.name]
    for transport in transports(trunks, node):
        kind = socket.SOCK_DGRAM if transport["protocol"] == "udp" else socket.SOCK_STREAM
        host, _, port = str(transport["bind"]).rpartition(":")
        process.require_free((host.strip("[]"), int(port)), kind, f"the SIP transport of the node {node.name}")
    try:
        login = login_of(node, secret, address=address[0])
    except OSError as error:
        raise ProvisionError(f"the ca_file of the node {node.name} cannot be used: {error}") from error
    # Before the start: whoever is ended in between leaves no Asterisk whose configuration nobody knows.
    note_loaded(layout)
    pid = process.start(installation, layout, login, timeout)
    log.info("asterisk_started", node=node.name, pid=pid, sip=node.sip_bind, ami=f"{address[0]}:{address[1]}")
    return RunningAsterisk(pid, layout, started=True)


def runs(node: NodeConfig, out_dir: Path) -> bool:
    """Return whether the node's Asterisk, as started by ``up``, runs on this machine."""
    return process.running_pid(layout_of(node, out_dir)) is not None


def console(node: NodeConfig, out_dir: Path, line: str) -> str:
    """Return what the node's Asterisk, as started by ``up``, says to a command. Raises ``ProvisionError``."""
    if not runs(node, out_dir):
        raise ProvisionError(f"the Asterisk of {node.name} does not run on this machine: tocsin asterisk up starts it")
    return process.console(process.find_installation(), layout_of(node, out_dir), line)


def down(node: NodeConfig, out_dir: Path, *, timeout: timedelta = STOP_TIMEOUT) -> bool:
    """Stop the node's Asterisk on this machine and return whether one ran. Raises ``ProvisionError``.

    Calls in progress are hung up. After ``timeout`` it is killed.
    """
    stopped = process.stop(layout_of(node, out_dir), timeout)
    if stopped:
        log.info("asterisk_stopped", node=node.name)
    return stopped


def _contents(layout: Layout) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in layout.etc.glob("*.conf")} if layout.etc.is_dir() else {}
