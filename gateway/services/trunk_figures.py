"""How the trunks did: the figures by which carriers are compared (ITU-T E.411, E.425 and E.437)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.model.call import CallOutcome
from gateway.ports.call_details import CallFilter, CallTally, DelayTally
from gateway.ports.phone import provider_of
from gateway.ports.record import Record

# The network did its part, whatever the callee did.
_DELIVERED = frozenset(
    {
        CallOutcome.NO_ANSWER,
        CallOutcome.BUSY,
        CallOutcome.DECLINED,
        CallOutcome.MACHINE,
    }
)
# They say nothing about the trunk: we hung up before the answer, or nobody saw the end.
_TELLS_NOTHING = frozenset({CallOutcome.CANCELLED, CallOutcome.LOST})
_HIGH_PERCENTILE = 95


@dataclass(slots=True)
class _Sums:
    """What is counted of one trunk."""

    calls: int = 0
    in_progress: int = 0
    untold: int = 0
    seizures: int = 0
    answered: int = 0
    delivered: int = 0
    billed_seconds: int = 0
    trouble: dict[tuple[int | None, int | None], int] = field(default_factory=lambda: defaultdict(int))
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, tally: CallTally) -> None:
        """Count calls that ended alike."""
        self.calls += tally.calls
        if tally.outcome is None:
            self.in_progress += tally.calls
            return
        self.outcomes[tally.outcome.value] += tally.calls
        self.billed_seconds += tally.billed_seconds
        if tally.outcome in _TELLS_NOTHING and not tally.answered:
            self.untold += tally.calls
            return
        self.seizures += tally.calls
        if tally.answered:
            self.answered += tally.calls
        elif tally.outcome in _DELIVERED:
            self.delivered += tally.calls
        elif tally.outcome is CallOutcome.TRUNK_TROUBLE:
            self.trouble[tally.sip_cause, tally.hangup_cause] += tally.calls


def trunk_figures(record: Record, wanted: CallFilter, *, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the figures of each trunk that had calls, the busiest first, and of those that are named.

    ``asr`` (answer-seizure ratio) is answered calls of the seizures, ``ner`` (network effectiveness ratio) answered
    calls and those that failed for the callee's sake; both in per cent. Seizures are the calls that are over, without
    those that we hung up before an answer and those whose end nobody saw. ``acd_seconds`` is the mean length of an
    answered call. ``post_dial_delay_ms`` has the mean and the 95th percentile (nearest rank). ``trouble`` tells the
    causes of trunk trouble, each with its share of the seizures in per cent. A figure without calls to make it from
    is ``None``.
    """
    with record.read() as work:
        tallies = work.call_details.tallies(wanted)
        delays = work.call_details.delay_tallies(wanted)
    sums: dict[tuple[str, str | None], _Sums] = defaultdict(_Sums)
    for name in names:
        sums[provider_of(name), name] = _Sums()
    for tally in tallies:
        sums[tally.provider, tally.trunk].add(tally)
    delays_of: dict[tuple[str, str | None], list[DelayTally]] = defaultdict(list)
    for delay in delays:
        delays_of[delay.provider, delay.trunk].append(delay)
    busiest_first = sorted(sums.items(), key=lambda item: (-item[1].calls, item[0][0], item[0][1] or ""))
    return [_figures(*way, total, delays_of[way]) for way, total in busiest_first]


def _figures(provider: str, trunk: str | None, sums: _Sums, delays: Sequence[DelayTally]) -> dict[str, Any]:
    causes = sorted(sums.trouble.items(), key=lambda item: (-item[1], item[0][0] or 0, item[0][1] or 0))
    return {
        "provider": provider,
        "trunk": trunk,
        "calls": sums.calls,
        "in_progress": sums.in_progress,
        "seizures": sums.seizures,
        "answered": sums.answered,
        "asr": _share(sums.answered, sums.seizures),
        "ner": _share(sums.answered + sums.delivered, sums.seizures),
        "acd_seconds": None if not sums.answered else round(sums.billed_seconds / sums.answered, 1),
        "billed_seconds": sums.billed_seconds,
        "post_dial_delay_ms": {"mean": _mean(delays), "p95": percentile(delays, _HIGH_PERCENTILE)},
        "outcomes": dict(sorted(sums.outcomes.items())),
        "trouble": [
            {"sip_cause": sip, "hangup_cause": q850, "calls": calls, "share": _share(calls, sums.seizures)}
            for (sip, q850), calls in causes
        ],
    }


def percentile(delays: Iterable[DelayTally], per_cent: int) -> int | None:
    """Return the smallest delay that so many per cent of the calls did not exceed; ``delays`` ascend."""
    counted = list(delays)
    rank = math.ceil(sum(delay.calls for delay in counted) * per_cent / 100)
    for delay in counted:
        rank -= delay.calls
        if rank <= 0:
            return delay.post_dial_delay_ms
    return None


def _mean(delays: Sequence[DelayTally]) -> int | None:
    calls = sum(delay.calls for delay in delays)
    return round(sum(delay.post_dial_delay_ms * delay.calls for delay in delays) / calls) if calls else None


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
