"""The form that every language fills in for the ear.

A field without a default is a phrase that must be there: a language that lacks one
does not import. Words in braces are filled in by ``gateway.model.ear``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How signs are said in a language.

    ``units`` and ``currencies`` map a sign to its words after a number; "one|many" where a single one is said
    otherwise, numeral included ("una hora|horas"); the whole with ``{number}`` where the word does not simply follow.
    ``alphabet`` has the words that tell apart letters which sound alike on a telephone, ``letters`` the names of
    letters that a voice would misread. Signs are said as they are written ("3.5" is never "3 comma 5"): which of
    them parts the thousands is a matter of who wrote the text, and a sign in words is right in either case.
    """

    and_more: str
    link_to: str  # {host}
    link: str
    dot: str  # in an address
    at: str
    plus: str
    minus: str
    plus_or_minus: str
    point: str  # in a number
    comma: str  # in a number
    slash: str
    dash: str
    to: str  # between two numbers
    becomes: str  # between a state and the next
    out_of: str  # {part} {whole}
    and_: str
    less: str
    greater: str
    at_most: str
    at_least: str
    not_equal: str
    about: str
    numbered: str  # {number}
    port: str  # {number}
    ending_in: str  # {digits}
    other_script: str
    time: str  # {hour} {minute}
    time_at_one: str  # {hour} {minute}
    full_hour: str  # {hour}
    early_full_hour: str  # {hour}, from 2 to 12
    full_hour_at_one: str  # {hour}
    minute_below_ten: str  # {minute}
    with_seconds: str  # {time} {seconds}
    date: str  # {day} {month} {year}
    first_of_month: str  # {day} {month} {year}
    months: tuple[str, ...]
    units: Mapping[str, str]
    currencies: Mapping[str, str]
    letters: Mapping[str, str]
    letter_as: str  # {letter} {word}
    alphabet: Mapping[str, str]
    thousands: str  # the signs that part thousands when they can mean nothing else
    signs: str  # those of its sentences, beside the common ones
    full_stop: str = ". "
    spaced: bool = True  # whether words are parted by spaces

    @property
    def pause(self) -> str:
        """The sign that makes a voice pause between parts of a code."""
        return ", " if self.spaced else "，"  # noqa: RUF001 (the comma of Chinese)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language. ``tags`` are the BCP 47 tags (RFC 5646), in lower case, that mean it; the first is its own."""

    tags: tuple[str, ...]
    ear: Ear

    @property
    def tag(self) -> str:
        """The language's own tag."""
        return self.tags[0]
