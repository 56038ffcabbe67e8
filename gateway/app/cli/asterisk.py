"""Commands for the phone system on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.app.cli.invocation import CommandFailedError, Invocation, command
from gateway.app.secrets import load_secrets
from gateway.channels.asterisk import provision
from gateway.channels.asterisk.provision_process import Installation, find_installation
from gateway.config.advice_asterisk import is_loopback
from gateway.config.schema import AsteriskConfig, Config, NodeConfig

_NODE = click.option(
    "--node", "names", multiple=True, metavar="NAME", help="Only this node; may be given several times."
)
_GATEWAY = click.option(
    "--gateway",
    "gateways",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of an engine on another machine, which may use the AMI; may be given several times.",
)


@click.group()
def asterisk() -> None:
    """Asterisk: the configuration that the gateway needs, and running it here."""


@asterisk.command("render")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Where to write."
)
@click.option(
    "--at",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="For other machines: the directory there that DIR/NODE will be copied into.",
)
@_NODE
@_GATEWAY
@command
def asterisk_render(
    invocation: Invocation, *, out: Path, at: Path | None, names: Sequence[str], gateways: Sequence[str]
) -> None:
    """Write the complete Asterisk configuration of every configured node to DIR/NODE/etc.

    The files hold the passwords of the AMI user and of the trunks.

    \b
    Examples:
      tocsin asterisk render --out build/asterisk
      asterisk -C build/asterisk/pbx1/etc/asterisk.conf
      tocsin asterisk render --node pbx2 --out build/asterisk --at /srv/tocsin
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    section, nodes = _nodes(config, names)
    secrets = load_secrets(config)
    written: dict[str, str] = {}
    with _provisioning():
        for node in nodes:
            layout = provision.render(
                section,
                node,
                secrets.ami_secrets[node.name],
                out,
                gateways=gateways,
                # Of another machine's Asterisk nothing is known but that it is installed.
                installation=_installation() if at is None else None,
                at=at,
            )
            written[node.name] = str(layout.etc)

    def people() -> None:
        for name, directory in written.items():
            click.echo(f"{name}: {directory}")

    document = {"nodes": [{"name": name, "directory": directory} for name, directory in written.items()]}
    invocation.answer(document, people)


@asterisk.command("up")
@_NODE
@_GATEWAY
@command
def asterisk_up(invocation: Invocation, *, names: Sequence[str], gateways: Sequence[str]) -> None:
    """Write the configuration and start Asterisk with it on this machine.

    Takes the installed Asterisk, else the one that make set up in a root of its own. Files,
    logs and run directory are under var_dir/asterisk/NODE. An Asterisk that runs already is given what
    has changed, without losing a call; what it only takes at a start is told.

    \b
    Examples:
      tocsin asterisk up
      tocsin asterisk up --node pbx2
    """  # noqa: D301 - click's mark for "do not rewrap"
    _up(invocation, names, gateways)


@asterisk.command("reload")
@_NODE
@_GATEWAY
@command
def asterisk_reload(invocation: Invocation, *, names: Sequence[str], gateways: Sequence[str]) -> None:
    """Give a running Asterisk the changed configuration. Calls go on.

    A changed dialplan waits up to half a minute for a moment without calls.

    \b
    Example:
      tocsin asterisk reload
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    for node in _nodes(config, names, here=True)[1]:
        if not provision.runs(node, _directory(config)):
            raise CommandFailedError(f"{node.name} does not run on this machine: start it with tocsin asterisk up")
    _up(invocation, names, gateways)


def _up(invocation: Invocation, names: Sequence[str], gateways: Sequence[str]) -> None:
    config = invocation.config()
    section, nodes = _nodes(config, names, here=True)
    secrets = load_secrets(config)
    running: list[provision.RunningAsterisk] = []
    with _provisioning():
        for node in nodes:
            secret = secrets.ami_secrets[node.name]
            running.append(provision.up(section, node, secret, _directory(config), gateways=gateways))

    def people() -> None:
        for node, one in zip(nodes, running, strict=True):
            state = "started" if one.started else "reloaded" if one.reloaded else "runs already"
            click.echo(f"{node.name}: {state}, process {one.pid}, AMI {node.host}:{node.port}, SIP {node.sip_bind}")
            for reason in one.pending:
                click.echo(f"  not taken yet: {reason}")
            if one.pending:
                click.echo(
                    "  what a reload cannot change needs tocsin asterisk down, then up, when no call is in progress"
                )

    document = [
        {
            "name": node.name,
            "pid": one.pid,
            "started": one.started,
            "outdated": one.outdated,
            "reloaded": list(one.reloaded),
            "pending": list(one.pending),
        }
        for node, one in zip(nodes, running, strict=True)
    ]
    invocation.answer({"nodes": document}, people)


@asterisk.command("down")
@_NODE
@command
def asterisk_down(invocation: Invocation, *, names: Sequence[str]) -> None:
    """Stop the Asterisk that "asterisk up" started; calls in progress are hung up.

    \b
    Example:
      tocsin asterisk down
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    _, nodes = _nodes(config, names, here=True)
    with _provisioning():
        stopped = {node.name: provision.down(node, _directory(config)) for node in nodes}

    def people() -> None:
        for name, ran in stopped.items():
            click.echo(f"{name}: {'stopped' if ran else 'did not run'}")

    invocation.answer({"nodes": [{"name": name, "stopped": ran} for name, ran in stopped.items()]}, people)


@asterisk.command("console")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...")
@click.option("--node", "name", metavar="NAME", help="Which node's, where this machine has several.")
@command
def asterisk_console(invocation: Invocation, *, words: Sequence[str], name: str | None) -> None:
    """Run a command on the console of the Asterisk that "asterisk up" started, and print what it says.

    \b
    Examples:
      tocsin asterisk console 'pjsip show contacts'
      tocsin asterisk console --node pbx1 'pjsip set logger pcap /tmp/trunk.pcap'
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    _, nodes = _nodes(config, [name] if name else (), here=True)
    if len(nodes) != 1:
        raise click.UsageError(f"which node? Name it with --node: {', '.join(node.name for node in nodes)}")
    with _provisioning():
        said = provision.console(nodes[0], _directory(config), " ".join(words))
    if said.startswith("No such command"):
        raise CommandFailedError(said.strip())
    invocation.answer({"node": nodes[0].name, "said": said}, lambda: click.echo(said.rstrip()))


@contextmanager
def _provisioning() -> Iterator[None]:
    try:
        yield
    except provision.ProvisionError as error:
        raise CommandFailedError(str(error)) from error
    except OSError as error:
        raise CommandFailedError(f"{error.filename or 'a file'}: {error.strerror}") from error


def _directory(config: Config) -> Path:
    return config.var_dir / "asterisk"


def _nodes(config: Config, names: Sequence[str], *, here: bool = False) -> tuple[AsteriskConfig, Sequence[NodeConfig]]:
    """Return the chosen nodes; without names all of them, or with ``here`` those of this machine."""
    section = config.asterisk
    if section is None or not section.nodes:
        raise CommandFailedError("the configuration names no Asterisk node: add one under asterisk.nodes")
    known = {node.name: node for node in section.nodes}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"there is no node {', '.join(unknown)}: the configuration has {', '.join(known)}")
    if names:
        return section, [known[name] for name in names]
    chosen = [node for node in section.nodes if not here or len(known) == 1 or is_loopback(node.host)]
    if not chosen:
        raise click.UsageError(f"which node is this machine? Name it with --node: {', '.join(known)}")
    return section, chosen


def _installation() -> Installation | None:
    """Return this machine's Asterisk; without one the files are written for an installed one elsewhere."""
    try:
        return find_installation()
    except provision.ProvisionError:
        return None
