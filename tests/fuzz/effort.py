"""How many examples a fuzz test tries: few in the usual run, ``TOCSIN_FUZZ_TIMES`` as many in ``make fuzz``."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("TOCSIN_FUZZ_TIMES", "1"))


def examples(count: int) -> settings:
    """Return the settings of a test that tries so many examples in the usual run."""
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        print_blob=True,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )
