"""Asterisk as Tocsin needs it: its configuration written, and started and stopped on this machine."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.channels.asterisk import provision_process as process
from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.channels.asterisk.provision_files import (
    TEMPLATES,
    Layout,
    Versions,
    ami_address,
    versions,
    write_files,
)
from gateway.config.schema import AsteriskConfig, NodeConfig

__all__ = ["Layout", "ProvisionError", "RunningAsterisk", "Versions", "down", "layout_of", "render", "up", "versions"]

log = structlog.get_logger(__name__)

START_TIMEOUT = timedelta(seconds=30)
STOP_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class RunningAsterisk:
    """An Asterisk that runs on this machine. ``started`` is false where it ran already.

    ``outdated`` tells that it was started with another configuration than the present one: stop and
    start it when no call is in progress.
    """

    pid: int
    layout: Layout
    started: bool
    outdated: bool = False


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
    templates: Path = TEMPLATES,
) -> Layout:
    """Write the node's complete Asterisk configuration to ``<out_dir>/<node>/etc``.

    Start it there with ``asterisk -C <out_dir>/<node>/etc/asterisk.conf``. ``secret`` is the AMI
    user's password. ``gateways`` are the addresses or networks that AMI connections may
    come from, beside this machine. Raises ``ProvisionError`` where a value cannot stand in Asterisk's files.
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
) -> RunningAsterisk:
    """Write the node's configuration and run Asterisk with it on this machine, as the present user.

    Returns once it is ready for calls. Where it runs already, nothing is started. Raises ``ProvisionError``.
    """
    layout = layout_of(node, out_dir)
    pid = process.running_pid(layout)
    installation = process.find_installation()
    before = _contents(layout)
    render(config, node, secret, out_dir, gateways=gateways, installation=installation)
    if pid is not None:
        outdated = _contents(layout) != before
        if outdated:
            log.warning("asterisk_configuration_outdated", node=node.name, pid=pid)
        return RunningAsterisk(pid, layout, started=False, outdated=outdated)
    address = (ami_address(node), node.port)
    sip_host, _, sip_port = node.sip_bind.rpartition(":")
    process.require_free(address, socket.SOCK_STREAM, f"the AMI of the node {node.name}")
    over_tcp = any(trunk.transport == "tcp" for trunk in config.trunks if trunk.node == node.name)
    for kind in (socket.SOCK_DGRAM, *((socket.SOCK_STREAM,) if over_tcp else ())):
        process.require_free((sip_host.strip("[]"), int(sip_port)), kind, f"the SIP transport of the node {node.name}")
    pid = process.start(installation, layout, process.ManagerLogin(address, node.username, secret), timeout)
    log.info("asterisk_started", node=node.name, pid=pid, sip=node.sip_bind, ami=f"{address[0]}:{address[1]}")
    return RunningAsterisk(pid, layout, started=True)


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
