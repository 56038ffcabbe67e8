"""The figures of a whole gateway: web processes and engine together, restarts included."""

import os
import re
import signal
from pathlib import Path

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
