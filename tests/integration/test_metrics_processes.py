"""The figures of a whole gateway: web processes and engine together, restarts included."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app import metric_files
from gateway.config.schema import Config
from tests.gateway import FAST, Gateway
from tests.waiting import until


def figure(gateway: Gateway, name: str) -> float:
    """Return the value of a figure by its name and labels as they are written."""
    found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", str(gateway.http("GET", "/metrics").body), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_web_processes_and_engine_add_up_and_nothing_goes_back_when_one_is_killed(tmp_path: Path) -> None:
    accepted, exhausted = 'tocsin_alerts_total{result="accepted"}', "tocsin_escalations_exhausted_total"
    with Gateway(tmp_path, {"policy": dict(FAST)}) as gateway:
        license_id = gateway.license()
        gateway.contact(license_id, "+15550100")
        token = gateway.source(license_id)
        for number in range(5):
            gateway.post(token, dedup_key=str(number))
        # Nothing is configured that could reach anybody: each ladder ends at once. The engine counts that.
        until(lambda: figure(gateway, exhausted) == 5, 20, "the engine's figures are there", every=0.1)
        assert figure(gateway, accepted) == 5
        assert figure(gateway, "tocsin_step_lateness_seconds_count") >= 0
        before = figure(gateway, "tocsin_record_write_seconds_count")
        first = gateway.kill_engine()
        until(lambda: gateway.engine_pid() not in {None, first}, 20, "another engine runs", every=0.1)
        assert figure(gateway, exhausted) >= 5
        assert figure(gateway, "tocsin_record_write_seconds_count") >= before
        gateway.post(token, dedup_key="another")
        until(lambda: figure(gateway, exhausted) == 6, 30, "the next engine counts on", every=0.1)
        gateway.stop()
        gateway.start()
        assert figure(gateway, accepted) == 0, "all processes began anew, and so does the count"


def test_where_no_directory_can_be_made_the_gateway_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "metrics").write_text("in the way", encoding="utf-8")
    with Gateway(tmp_path, {"policy": dict(FAST)}) as gateway:
        token = gateway.source(gateway.license())
        gateway.post(token)
        assert figure(gateway, 'tocsin_alerts_total{result="accepted"}') == 1
        process = gateway.engine_pid()
        assert process is not None
        os.kill(process, signal.SIGTERM)


def test_what_cannot_be_counted_fails_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = """
import os
from gateway.app import metric_files
from gateway.config.schema import Config
from pathlib import Path
metric_files.begin(Config(var_dir=Path(os.environ["WHERE"])))
from gateway import metrics
metrics.EXHAUSTED.inc()
pid = os.fork()
if pid == 0:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = "/nonexistent"
    metrics.EXHAUSTED.inc()
    metrics.KEYS.labels("1").inc()
    metrics.WRITE_SECONDS.observe(1)
    with metrics.SEND_SECONDS.labels("phone").time():
        pass
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    monkeypatch.setenv("WHERE", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_room_of_the_files_is_taken_before_anything_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "set, so that it is not too late")
    metric_files.begin(Config(var_dir=tmp_path))
    made = list((tmp_path / "metrics").glob("*.db"))
    assert len(made) == 2
    # Blocks of 512 bytes (stat(2)): a file with holes would have fewer.
    assert all(file.stat().st_blocks * 512 >= file.stat().st_size > 100_000 for file in made)
    old = [tmp_path / "metrics" / f"counter_{pid}.db" for pid in range(4_000_001, 4_000_031)]
    for file in old:
        file.write_bytes(bytes(8))
    metric_files.begin(Config(var_dir=tmp_path))
    assert sum(file.exists() for file in old) == 8, "of those whose processes have ended a few are kept"
    assert all(file.exists() for file in made)
    metric_files.begin(Config(var_dir=tmp_path), afresh=True)
    assert not any(file.exists() for file in old)
