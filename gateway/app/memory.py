"""When Python's garbage collector looks at what.

Left to itself it goes through all objects again and again, and stops every thread meanwhile: with a hundred thousand
open escalations for a third of a second, several times a minute. But what an escalation holds is freed without it;
only what refers to itself in a circle needs it, as the tracebacks of errors do.
"""

import gc

# Allocations before the youngest objects are looked at (about a millisecond), such looks before the next older ones
# are (about twenty), and practically never all of them: that is ``tidy``.
_THRESHOLDS = (5_000, 5, 1_000_000)


def collect_young_only() -> None:
    """Let the collector look at young objects alone from now on."""
    gc.set_threshold(*_THRESHOLDS)


def tidy() -> None:
    """Look at everything once, and take what is left out of the collector's sight until the next time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
