"""Who gets which line: built from the configuration."""

import time
from collections.abc import Callable

from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.phone import TWILIO, Phone
from gateway.services.lines import Lines, TrunkLimits
from gateway.services.trunk_health import TrunkHealth


def trunk_limits(config: Config) -> list[TrunkLimits]:
    """Return what each configured trunk bears, in the order in which they are tried."""
    limits = [
        TrunkLimits(name=trunk.name, max_calls=trunk.max_calls, calls_per_second=trunk.calls_per_second)
        for trunk in (config.asterisk.trunks if config.asterisk is not None else ())
    ]
    twilio = config.twilio
    if twilio is not None and twilio.voice_from is not None:
        limits.append(
            TrunkLimits(
                name=TWILIO,
                max_calls=twilio.max_calls,
                calls_per_second=twilio.calls_per_second,
                last_resort=True,
            )
        )
    return limits


def build_lines(
    config: Config, *, phone: Phone, clock: Clock, monotonic: Callable[[], float] = time.monotonic
) -> Lines:
    """Return the lines of the configured trunks."""
    return Lines(
        limits=trunk_limits(config),
        usable=phone.trunks,
        health=TrunkHealth(rules=config.lines.rules(), now=clock.now, monotonic=monotonic),
        monotonic=monotonic,
    )
