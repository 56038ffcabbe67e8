"""What Asterisk measured of a leg's audio, as the dialplan notes it."""

import re

from gateway.model.call import CallQuality

_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?")
_FIELDS = 7
_CODECS = re.compile(r"\(?([0-9A-Za-z_|]{1,80})\)?")


def read_quality(note: str) -> CallQuality | None:
    """Return the values of the dialplan's note; ``None`` where nothing was received.

    The note is ``<codec>|<packets received>|<of them lost>|<their jitter>|<packets sent>|<lost>|<jitter>|<round trip>``
    with times in seconds, from Asterisk's ``CHANNEL(rtcp,...)``. What the callee's side measured, it tells by
    RTCP (RFC 3550, 6.4), about every five seconds: a round trip of 0 means that it has told nothing.
    """
    codecs, *rest = note.rsplit("|", _FIELDS)
    if len(rest) != _FIELDS or not all(_NUMBER.fullmatch(value) for value in rest):
        return None
    received, lost, jitter, sent, lost_there, jitter_there, round_trip = map(float, rest)
    is_told = round_trip > 0
    match = _CODECS.fullmatch(codecs)
    return CallQuality(
        codec=match[1].replace("|", ",") if match else None,
        jitter_ms=_milliseconds(jitter_there if is_told else jitter) if is_told or received else None,
        lost_sent_percent=_percent(lost_there, sent) if is_told else None,
        lost_received_percent=_percent(lost, received + lost),
        round_trip_ms=_milliseconds(round_trip) if is_told else None,
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _percent(lost: float, packets: float) -> float | None:
    return round(min(100 * lost / packets, 100.0), 2) if packets else None
