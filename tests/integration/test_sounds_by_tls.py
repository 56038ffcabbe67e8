"""Sounds sent to a node over TLS, and what the doctor finds of its receiver."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.app.cli.checks import CheckState
from gateway.app.cli.checks_sounds import look_at_sounds
from gateway.channels.asterisk.provision_sounds import receiver_settings
from gateway.channels.asterisk.sounds_http import SentSounds, SoundsRefusedError
from gateway.channels.asterisk.sounds_receiver import make_server
from gateway.config.asterisk import NodeConfig
from tests.telephony.certificates import Authority

SECRET = "the secret of the AMI user"


@contextmanager
def _receiver(node: NodeConfig, secret: str = SECRET) -> Iterator[NodeConfig]:
    """Run the receiver of a node; its port is the one that was free."""
    settings = receiver_settings(node, secret, host="127.0.0.1") | {"port": 0}
    with make_server(settings) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield node.model_copy(update={"sounds_port": server.server_port})
        finally:
            server.shutdown()
            thread.join(10)


def _node(directory: Path, **settings: object) -> NodeConfig:
    return NodeConfig.model_validate(
        {"name": "pbx2", "host": "localhost", "sounds": "http", "sounds_dir": directory / "there"} | settings
    )


def _tls(authority: Authority, trusted: Authority) -> dict[str, object]:
    pem = authority.issue("localhost")
    return {"ami_tls": {"certificate": pem, "ca_file": trusted.file, "server_name": "localhost"}}


def _sound(directory: Path) -> Path:
    path = directory / "message.wav"
    path.write_bytes(b"RIFF" + bytes(1000))
    return path


def test_sounds_go_over_tls_to_who_has_the_certificate(tmp_path: Path) -> None:
    authority = Authority.in_directory(tmp_path / "ca")
    with _receiver(_node(tmp_path, **_tls(authority, authority))) as node:
        name = SentSounds(node, SECRET).put(_sound(tmp_path))
        assert Path(f"{name}.wav").read_bytes() == _sound(tmp_path).read_bytes()
        assert look_at_sounds(node, SECRET).state is CheckState.OK


def test_a_stranger_with_another_certificate_is_sent_nothing(tmp_path: Path) -> None:
    with _receiver(
        _node(tmp_path, **_tls(Authority.in_directory(tmp_path / "a"), Authority.in_directory(tmp_path / "b")))
    ) as node:
        with pytest.raises(SoundsRefusedError, match="certificate"):
            SentSounds(node, SECRET).put(_sound(tmp_path))
        assert not list((tmp_path / "there").iterdir())


def test_a_receiver_with_another_key_is_told_apart_from_one_that_is_away(tmp_path: Path) -> None:
    with _receiver(_node(tmp_path), secret="of another node") as node:
        refused = look_at_sounds(node, SECRET)
    away = look_at_sounds(node, SECRET)
    assert (refused.state, away.state) == (CheckState.FAILED, CheckState.FAILED)
    assert "the signature is wrong" in refused.detail
    assert "does not answer" in away.detail
    assert all("sounds_receiver.py" in (finding.advice or "") for finding in (refused, away))
