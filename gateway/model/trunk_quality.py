"""How well a trunk has done lately, and which ones do so badly that the others go first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low

# What counts: so many of a trunk's newest calls, none older than this.
MOST_SAMPLES = 100
SAMPLES_SPAN = timedelta(hours=1)
# Fewer calls than this say nothing.
ENOUGH_SAMPLES = 20
# A trunk that has so much less than its best peer is far below it. Both must hold, so that two trunks whose callees
# rarely answer are not told apart by chance.
_ASR_SHARE = 0.5
_ASR_GAP = 0.2
_PDD_TIMES = 2.0
_PDD_GAP = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class CallSample:
    """One call that a trunk carried, or should have: when it ended, and whether somebody answered.

    ``post_dial_delay`` is the time from the INVITE to the first sign of ringing, or to the answer; ``None`` where it
    is not known.
    """

    at: datetime
    answered: bool
    post_dial_delay: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TrunkQuality:
    """What a trunk's samples come to.

    ``answer_seizure_ratio`` (ASR, ITU-T E.411) is the share of calls that were answered, ``post_dial_delay`` (PDD) the
    median of ``delays`` calls; ``None`` where nothing is known.
    """

    samples: int
    answer_seizure_ratio: float | None
    post_dial_delay: timedelta | None
    delays: int = 0


def quality(samples: Sequence[CallSample], now: datetime) -> TrunkQuality:
    """Return what those of the samples come to that count now. They are in the order of their time."""
    counted = [sample for sample in samples[-MOST_SAMPLES:] if now - sample.at <= SAMPLES_SPAN]
    delays = [sample.post_dial_delay for sample in counted if sample.post_dial_delay is not None]
    return TrunkQuality(
        samples=len(counted),
        answer_seizure_ratio=sum(sample.answered for sample in counted) / len(counted) if counted else None,
        post_dial_delay=median_low(delays) if delays else None,
        delays=len(delays),
    )


def demoted(qualities: Mapping[str, TrunkQuality]) -> frozenset[str]:
    """Return the trunks that do far worse than the best of their peers: they are tried after the others.

    The rule, of trunks with 20 calls or more among their newest 100 of the last hour:

    1. A trunk is demoted whose answer-seizure ratio is less than half of the best one's, and at least 20 points below.
    2. So is one whose median post-dial delay is more than twice the shortest one's, and at least 2 s longer.

    A trunk that carries no calls any more falls below 20 within the hour, and gets its turn again.
    """
    ratios = {
        name: each.answer_seizure_ratio
        for name, each in qualities.items()
        if each.samples >= ENOUGH_SAMPLES and each.answer_seizure_ratio is not None
    }
    delays = {
        name: each.post_dial_delay
        for name, each in qualities.items()
        if each.delays >= ENOUGH_SAMPLES and each.post_dial_delay is not None
    }
    best, shortest = max(ratios.values(), default=0.0), min(delays.values(), default=timedelta())
    rarely = {name for name, ratio in ratios.items() if ratio < best * _ASR_SHARE and best - ratio >= _ASR_GAP}
    slowly = {name for name, delay in delays.items() if delay > shortest * _PDD_TIMES and delay - shortest >= _PDD_GAP}
    return frozenset(rarely | slowly)
