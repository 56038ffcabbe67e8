"""How many alerts a second the web half makes durable, and how long one post takes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.bench.database import bare_commits, databases
from tests.bench.http_load import Load, Target, post_for
from tests.bench.plan import Plan
from tests.bench.results import Result, percentile
from tests.gateway import Gateway
from tests.ports import free_port
from tests.waiting import until

_THREADS = 8
_CONNECTIONS = 16
_WORKERS = (1, 2)
_LICENSES = 100  # each takes its alerts one after the other, and counts those of the last minute
_TARGET = 300.0  # alerts a second on two cores that the load generator and the database share
_direct = build_opener(ProxyHandler({}))


def measure(plan: Plan) -> Iterator[Result]:
    """Measure with one worker and with two, on both databases, without the engine."""
    seconds = plan.seconds(8)
    bare = {workers: _bare(workers, seconds) for workers in _WORKERS}
    with databases(plan.directory) as each:
        for database in each:
            for workers in _WORKERS:
                plan.say(f"{database.kind}, {workers} workers")
                load = _gateway(plan.directory / f"ingest-{database.kind}-{workers}", database.url, workers, seconds)
                yield from _results(f"ingest, {database.kind}, {workers} workers", load, bare[workers])
            yield Result(
                name=f"ingest, {database.kind}, 2 workers",
                unit="alerts/s",
                value=load.rate,
                reference="bare commits on one connection",
                reference_value=bare_commits(database.url, min(seconds, 3)),
            )


def _results(name: str, load: Load, bare: Load) -> Iterator[Result]:
    if load.refused or bare.refused:
        raise RuntimeError(f"{load.refused} alerts and {bare.refused} bare requests were refused")
    reference = "Flask and gunicorn, nothing recorded"
    yield Result(
        name=name,
        unit="alerts/s",
        value=load.rate,
        reference=reference,
        reference_value=bare.rate,
        target=_TARGET,
    )
    for word, share in (("p50", 0.5), ("p99", 0.99)):
        yield Result(
            name=f"{name}, {word}",
            unit="ms",
            value=percentile(load.latencies, share) * 1000,
            reference=reference,
            reference_value=percentile(bare.latencies, share) * 1000,
        )


def _gateway(directory: Path, database_url: str, workers: int, seconds: float) -> Load:
    port = free_port()
    settings = {
        "web": {"bind": f"127.0.0.1:{port}", "workers": workers, "threads": _THREADS},
        "policy": {"events_per_minute": 10_000_000},
    }
    gateway = Gateway(directory, settings, database_url=database_url)
    tokens = [gateway.source(gateway.license(name=f"Site {number}")) for number in range(_LICENSES)]
    process = gateway.process("web")
    try:
        _wait_for(port, "/healthz", process)
        target = Target(
            port=port,
            path="/license/v1/alert/in",
            token=lambda number: tokens[number % len(tokens)],
            body=lambda number: _alert(f"{workers}-{number}"),
        )
        return post_for(seconds, target, connections=_CONNECTIONS)
    finally:
        _end(process)
        gateway.record.close()


def _bare(workers: int, seconds: float) -> Load:
    with _bare_server(workers) as port:
        target = Target(port=port, path="/alert", token=lambda _: "none", body=lambda number: _alert(str(number)))
        return post_for(seconds, target, connections=_CONNECTIONS)


@contextmanager
def _bare_server(workers: int) -> Iterator[int]:
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", str(_THREADS)]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", *options, "tests.bench.bare_web:app"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, "/", process)
        yield port
    finally:
        _end(process)


def _alert(key: str) -> dict[str, object]:
    return {
        "title": f"Blacklisted plate {key}",
        "body": "Gate 4, lane 2.",
        "severity": "critical",
        "dedup_key": key,
        "payload": {"plate": key, "lane": 2, "confidence": 0.97},
    }


def _wait_for(port: int, path: str, process: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        assert process.poll() is None, "the web server has ended"
        try:
            _direct.open(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except URLError as error:
            return hasattr(error, "code")  # an answer, be it 404
        except OSError:
            return False
        return True

    until(answers, 40, "the web server answers", every=0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(50)
