"""The form that every language fills in for the ear.

A field without a default is a phrase that must be there: a language that lacks one
does not import. Words in braces are filled in by ``gateway.model.speech_text``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How signs are said.

    ``units`` maps what stands after a number to the word for it, or to the whole, with
    ``{number}``, where the word does not simply follow.
    """

    and_more: str
    link_to: str  # {host}
    link: str
    dot: str
    at: str
    plus: str
    and_: str
    ending_in: str  # {digits}
    time: str  # {hour} {minute}
    full_hour: str  # {hour}
    minute_below_ten: str  # {minute}
    units: Mapping[str, str]
    full_stop: str = ". "
    spaced: bool = True  # whether words are parted by spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language. ``tags`` are the BCP 47 tags (RFC 5646), in lower case, that mean it; the first is its own."""

    tags: tuple[str, ...]
    ear: Ear

    @property
    def tag(self) -> str:
        """The language's own tag."""
        return self.tags[0]
