"""Numbers that commands are given: those that the gateway would never call are refused at once, in words."""

import click

from gateway.config.schema import Config, parse_e164
from gateway.services.call_safety import destination_refusal, in_words


def check_destination(config: Config, number: str | None, *, what: str) -> None:
    """Raise ``click.UsageError`` where the configuration's ``call_safety`` forbids to call the number.

    Nothing and what is no number are passed over: whoever takes the number says so.
    """
    try:
        written = parse_e164(number) if number else None
    except ValueError:
        return
    reason = None if written is None else destination_refusal(config.call_safety.safety(), written)
    if reason is not None:
        raise click.UsageError(f"{what} {written} would never be called: {in_words(reason)}")
