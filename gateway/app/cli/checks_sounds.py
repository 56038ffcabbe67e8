"""Looking at how a node on another machine gets its sounds."""

from gateway.app.cli.checks import Finding, failed, ok
from gateway.channels.asterisk.sounds_http import SentSounds, SoundsRefusedError
from gateway.config.schema import NodeConfig

_SCARCE = 200_000_000  # bytes


def look_at_sounds(node: NodeConfig, secret: str) -> Finding:
    """Return whether the node's receiver of sounds takes them, within a few seconds."""
    where = f"port {node.sounds_port} of {node.host}"
    try:
        told = SentSounds(node, secret).look()
    except SoundsRefusedError as error:
        return failed(
            str(error),
            "calls play tones in place of words: run sounds_receiver.py on the node (docs/asterisk.md), with files "
            "of the present tocsin asterisk render",
        )
    except OSError as error:
        return failed(f"the ca_file of the node cannot be used: {error}", "set ami_tls.ca_file of the node")
    free = told.get("free")
    if isinstance(free, int) and free < _SCARCE:
        return failed(
            f"the receiver at {where} has {free // 1_000_000} MB left", f"make room in {told.get('directory')} there"
        )
    return ok(f"the receiver at {where} takes them into {told.get('directory')}")
