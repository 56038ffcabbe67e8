"""What a message's quick-reply button brings back: which attempt's message it was tapped on."""

import re

_PAYLOAD = re.compile(r"ack-([1-9][0-9]{0,17})")
_TRIAL = re.compile(r"test-[1-9][0-9]{0,17}")


def button_payload(attempt_id: int) -> str:
    """Return what the button of an attempt's message brings back."""
    return f"ack-{attempt_id}"


def attempt_of(payload: str) -> int | None:
    """Return the attempt that a payload names; ``None`` for another template's payload."""
    found = _PAYLOAD.fullmatch(payload.strip())
    return None if found is None else int(found[1])


def trial_payload(trial_id: int) -> str:
    """Return what the button of a test message brings back. It acknowledges nothing."""
    return f"test-{trial_id}"


def is_of_trial(payload: str) -> bool:
    """Tell whether a payload is that of a test message."""
    return _TRIAL.fullmatch(payload.strip()) is not None
