"""The figures of all processes together, as Prometheus reads them."""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Figure
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

__all__ = ["Figure", "expose", "gauge"]

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

Labelled = tuple[tuple[str, ...], float]
"""A value with its labels."""


def gauge(name: str, text: str, values: Iterable[Labelled], labels: tuple[str, ...] = ()) -> Figure:
    """Return a figure of this moment: its values by their labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def expose(accept: str, gauges: Iterable[Figure]) -> tuple[bytes, str]:
    """Return the text of all figures, and its content type: the one that the reader's ``Accept`` header prefers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counted())
    registry.register(_Now(tuple(gauges)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Counted(Collector):
    """What all processes have counted; this one alone where they share no directory."""

    def collect(self) -> Iterable[Figure]:
        where = os.environ.get(_VARIABLE)
        if where is None or not Path(where).is_dir():
            return REGISTRY.collect()
        # One that was made just now holds nothing yet, and is no file of figures until it does.
        files = [str(file) for file in Path(where).glob("*.db") if file.stat().st_size]
        merged: Iterable[Figure] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


class _Now(Collector):
    def __init__(self, families: tuple[Figure, ...]) -> None:
        self._families = families

    def collect(self) -> Iterable[Figure]:
        return self._families
