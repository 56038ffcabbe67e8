"""What a message's quick-reply button brings back: which attempt's message it was tapped on."""

import re

_PAYLOAD = re.compile(r"ack-([1-9][0-9]{0,17})")


def button_payload(attempt_id: int) -> str:
    """Return what the button of an attempt's message brings back."""
    return f"ack-{attempt_id}"


def attempt_of(payload: str) -> int | None:
    """Return the attempt that a payload names; ``None`` for another template's payload."""
    found = _PAYLOAD.fullmatch(payload.strip())
    return None if found is None else int(found[1])
