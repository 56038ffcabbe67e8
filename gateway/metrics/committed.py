"""Counts what was committed: what these figures say has happened is on record."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from gateway import metrics
from gateway.model.call import Call
from gateway.model.timeline import TimelineEntry, TimelineType

_ALERTS = {
    TimelineType.ACCEPTED: "accepted",
    TimelineType.REPEATED: "repeated",
    TimelineType.THROTTLED: "throttled",
    TimelineType.RESOLVED: "resolved",
}
_CALL = "phone"
_MENU_KEYS = frozenset("0123456789*#")
# A reason is a code or a sentence; only codes are few enough for a label.
_CODE = re.compile(r"[a-z0-9_]{1,40}")


class CommitMeter:
    """A ``CommitObserver``: counts in the figures of this process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def committed(self, entries: Sequence[TimelineEntry], legs: Sequence[Call], seconds: float) -> None:
        """See the port."""
        metrics.WRITE_SECONDS.observe(seconds)
        for entry in entries:
            self._count(entry)
        for call in legs:
            _count_call(call)

    def _count(self, entry: TimelineEntry) -> None:
        detail, level = entry.detail, entry.channel or ""
        match entry.type:
            case TimelineType.ACCEPTED | TimelineType.REPEATED | TimelineType.THROTTLED | TimelineType.RESOLVED:
                metrics.ALERTS.labels(_ALERTS[entry.type]).inc()
            case TimelineType.ATTEMPT_SKIPPED:
                metrics.ATTEMPTS_SKIPPED.labels(level, _code(detail, "reason")).inc()
            case TimelineType.ATTEMPT_RESULT if level != _CALL:
                metrics.MESSAGES.labels(level, _code(detail, "result")).inc()
            case TimelineType.DELIVERY_REPORT:
                metrics.DELIVERY_REPORTS.labels(level, _code(detail, "report")).inc()
            case TimelineType.KEY_PRESSED:
                key = str(detail.get("digit"))
                metrics.KEYS.labels(key if key in _MENU_KEYS else "other").inc()
            case TimelineType.ACKNOWLEDGED | TimelineType.ACKNOWLEDGED_AGAIN:
                self._count_acknowledgement(entry)
            case TimelineType.EXHAUSTED:
                metrics.EXHAUSTED.inc()
            case TimelineType.ENGINE_FAULT:
                metrics.ENGINE_FAULTS.inc()
            case _:
                pass

    def _count_acknowledgement(self, entry: TimelineEntry) -> None:
        via, first = _code(entry.detail, "via"), entry.type is TimelineType.ACKNOWLEDGED
        metrics.ACKNOWLEDGEMENTS.labels(via, str(first).lower()).inc()
        metrics.ACKNOWLEDGEMENT_SECONDS.labels(via).observe(max((self._now() - entry.at).total_seconds(), 0.0))


def _count_call(call: Call) -> None:
    trunk = call.trunk or call.provider
    if call.ended_at is None:
        metrics.CALLS_DIALLED.labels(trunk).inc()
        return
    metrics.CALLS_ENDED.labels(trunk, call.outcome.value if call.outcome else "unknown").inc()
    if call.answered_at is not None and call.billed_seconds:
        metrics.CALL_SECONDS.labels(trunk).inc(call.billed_seconds)
    if call.post_dial_delay_ms is not None:
        metrics.POST_DIAL_DELAY.labels(trunk).observe(call.post_dial_delay_ms / 1000)


def _code(detail: Mapping[str, object], name: str) -> str:
    value = str(detail.get(name) or "")
    return value if _CODE.fullmatch(value) else "other"
