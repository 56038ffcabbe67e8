"""Asterisk started and stopped on this machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.channels.asterisk import provision_process
from gateway.channels.asterisk.provision import ProvisionError, down, layout_of, up, versions
from tests.telephony.asterisk import GatewayPbx, asterisk_config

pytestmark = pytest.mark.telephony


def test_up_and_down_do_nothing_the_second_time(tmp_path: Path) -> None:
    pbx = GatewayPbx(asterisk_config({"carrier-a": 5070}), tmp_path)
    with pbx:
        first = pbx.running
        second = up(pbx.config, pbx.node, pbx.secret, tmp_path)
        assert first is not None
        assert (first.started, second.started, second.outdated) == (True, False, False)
        assert second.pid == first.pid
        with pbx.ami() as ami:
            assert ami.value("TOCSIN_DIALPLAN_VERSION") == versions(pbx.config, pbx.node).dialplan
        assert pbx.stop()
        assert not Path(f"/proc/{first.pid}").exists()
        assert not pbx.stop()


def test_asterisk_that_runs_with_an_older_configuration_is_told(tmp_path: Path) -> None:
    with GatewayPbx(asterisk_config({"carrier-a": 5070}), tmp_path) as pbx:
        more = asterisk_config({"carrier-a": 5070, "carrier-b": 5071})
        changed = more.model_copy(update={"nodes": pbx.config.nodes})
        assert up(changed, pbx.node, pbx.secret, tmp_path).outdated


def test_two_nodes_run_side_by_side(tmp_path: Path) -> None:
    first = GatewayPbx(asterisk_config({"carrier-a": 5070}, name="pbx1"), tmp_path)
    second = GatewayPbx(asterisk_config({"carrier-b": 5071}, name="pbx2"), tmp_path)
    with first, second, first.ami() as one, second.ami() as two:
        assert one.value("DEVICE_STATE(PJSIP/carrier-a)") != "INVALID"
        assert two.value("DEVICE_STATE(PJSIP/carrier-a)") == "INVALID"
        first.stop()
        assert two.value("TOCSIN_DIALPLAN_VERSION") == versions(second.config, second.node).dialplan


@pytest.mark.parametrize("taken", ["AMI", "SIP"])
def test_port_in_use_is_named_and_nothing_is_started(tmp_path: Path, taken: str) -> None:
    config = asterisk_config({"carrier-a": 5070})
    node = config.nodes[0]
    kind = socket.SOCK_STREAM if taken == "AMI" else socket.SOCK_DGRAM
    port = node.port if taken == "AMI" else int(node.sip_bind.rpartition(":")[2])
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", port))
        if taken == "AMI":
            other.listen()
        with pytest.raises(ProvisionError, match=f"the {taken} .*127.0.0.1:{port}"):
            up(config, node, "s3cret", tmp_path)
    assert not down(node, tmp_path)


def test_missing_root_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(provision_process.ROOT_VARIABLE, str(tmp_path / "nowhere"))
    config = asterisk_config({"carrier-a": 5070})
    with pytest.raises(ProvisionError, match="make asterisk"):
        up(config, config.nodes[0], "s3cret", tmp_path)


def test_down_leaves_a_process_alone_that_only_has_the_same_id(tmp_path: Path) -> None:
    node = asterisk_config({"carrier-a": 5070}).nodes[0]
    layout = layout_of(node, tmp_path)
    layout.make()
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        (layout.run / "tocsin.pid").write_text(str(other.pid))
        assert not down(node, tmp_path)
        assert other.poll() is None
        other.communicate()


def test_asterisk_that_died_is_started_again(tmp_path: Path) -> None:
    with GatewayPbx(asterisk_config({"carrier-a": 5070}), tmp_path) as pbx:
        assert pbx.running is not None
        os.kill(pbx.running.pid, 9)
        os.waitpid(pbx.running.pid, 0)
        again = up(pbx.config, pbx.node, pbx.secret, tmp_path)
        assert again.started


def test_asterisk_that_cannot_start_repeats_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "asterisk"
    script.write_text("#!/bin/sh\n[ $1 = -V ] && echo Asterisk 22.1.0 && exit\necho no such module\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.delenv(provision_process.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    config = asterisk_config({"carrier-a": 5070})
    with pytest.raises(ProvisionError, match="no such module"):
        up(config, config.nodes[0], "s3cret", tmp_path)
    assert not down(config.nodes[0], tmp_path)


def test_installed_asterisk_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "asterisk"
    script.write_text("#!/bin/sh\necho Asterisk 18.4.0\n")
    script.chmod(0o755)
    monkeypatch.delenv(provision_process.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(provision_process, "REPOSITORY", tmp_path / "empty")
    with pytest.raises(ProvisionError, match="make asterisk"):
        provision_process.find_installation()
