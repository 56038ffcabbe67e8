"""How long the adapter waits for what."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskTimings:
    """The adapter's time limits and pauses.

    ``grace``: between login and the report that the node is up, in which Asterisk works off what a
    previous connection had sent. ``settle``: before a leg of which nothing is known is looked
    for once more. ``steady``: a connection that held this long begins again with the first pause when it
    breaks. ``longest_call``: after so much talking a leg is looked up, as its end may have been missed.
    """

    connect: timedelta = timedelta(seconds=5)
    boot: timedelta = timedelta(seconds=10)
    action: timedelta = timedelta(seconds=10)
    ping_interval: timedelta = timedelta(seconds=5)
    ping: timedelta = timedelta(seconds=5)
    first_pause: timedelta = timedelta(seconds=0.5)
    longest_pause: timedelta = timedelta(seconds=15)
    steady: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=0.5)
    settle: timedelta = timedelta(seconds=1)
    end_after_report: timedelta = timedelta(seconds=2)
    ring_margin: timedelta = timedelta(seconds=5)
    longest_call: timedelta = timedelta(minutes=30)
    stop: timedelta = timedelta(seconds=5)
