"""Figures of trunks."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.ports.call_details import DelayTally
from gateway.services.trunk_figures import percentile


@given(st.lists(st.integers(0, 20_000)), st.integers(1, 100))
def test_a_percentile_is_the_nearest_rank_of_the_delays_written_out(delays: list[int], per_cent: int) -> None:
    tallies = [
        DelayTally(provider="asterisk", trunk="a", post_dial_delay_ms=delay, calls=calls)
        for delay, calls in sorted(Counter(delays).items())
    ]
    expected = sorted(delays)[math.ceil(len(delays) * per_cent / 100) - 1] if delays else None
    assert percentile(tallies, per_cent) == expected
