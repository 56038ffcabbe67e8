"""How things stand at this moment: the database, and what the engines last said of themselves."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version

from gateway.metrics.exposition import Figure, gauge
from gateway.ports.heartbeats import Heartbeat, TrunkState
from gateway.ports.record import RecordUnavailableError
from web.services import Part, PartState, WebServices


def now(there: WebServices) -> Iterator[Figure]:
    """Yield the figures of this moment. Without the database those that it holds are left out."""
    parts = there.parts()
    yield gauge("tocsin_build_info", "The version that answers.", [((version("tocsin"),), 1)], ("version",))
    yield gauge("tocsin_ready", "Whether alerts can be taken.", [((), float(_is_ready(parts)))])
    yield gauge(
        "tocsin_part_ok",
        "Whether a part is well, as /readyz tells it.",
        [((part.name,), float(part.state is PartState.OK)) for part in parts],
        ("part",),
    )
    try:
        with there.record.read() as work:
            open_count = work.event_lists.open_count(None)
            beats = work.heartbeats.latest()
    except RecordUnavailableError:
        return
    yield gauge("tocsin_escalations_open", "Events that escalate now.", [((), open_count)])
    yield from _engines(beats, there.clock.now())


def _engines(beats: Sequence[Heartbeat], at: datetime) -> Iterator[Figure]:
    ages = [((beat.engine,), max((at - beat.at).total_seconds(), 0.0)) for beat in beats]
    yield gauge("tocsin_engine_heartbeat_age_seconds", "Since an engine last said that it lives.", ages, ("engine",))
    latest = max(beats, key=lambda beat: beat.at, default=None)
    if latest is None or latest.lines is None:
        return
    yield gauge("tocsin_calls_waiting", "Calls that wait for a line.", [((), latest.lines.waiting)])
    trunks = latest.lines.trunks
    for name, text, values in (
        ("lines_in_use", "Lines that carry a call.", [trunk.in_use for trunk in trunks]),
        ("lines", "Lines that the configuration allows.", [trunk.max_calls for trunk in trunks]),
        ("usable", "Whether calls go out over the trunk.", [_is_usable(trunk) for trunk in trunks]),
    ):
        labelled = [((trunk.trunk,), float(value)) for trunk, value in zip(trunks, values, strict=True)]
        yield gauge(f"tocsin_trunk_{name}", text, labelled, ("trunk",))


def _is_ready(parts: Sequence[Part]) -> bool:
    return not any(part.needed and part.state is PartState.DOWN for part in parts)


def _is_usable(trunk: TrunkState) -> bool:
    return trunk.in_reach and trunk.reachable and trunk.registered and trunk.breaker != "open"
