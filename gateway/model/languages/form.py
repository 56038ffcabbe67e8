"""The form that every language fills in.

A field without a default is a phrase that must be there: a language that lacks one
does not import. Words in braces are filled in by ``gateway.model.phrases``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The fixed sentences of a call, by the values of ``gateway.ports.phone.Prompt``."""

    menu: str
    not_understood: str
    noted: str
    connecting: str
    no_operator: str
    goodbye: str
    enter_pin: str
    wrong_pin: str
    operator_busy: str
    operator_absent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a call or a voice note says. Each is made for the ear."""

    alert: str  # {license} {severity} {alert}
    several: str  # {license} {count}
    one_of_several: str  # {number} {title}
    others: str  # {count}
    acknowledged: str
    already_acknowledged: str  # {by}
    already_acknowledged_by_someone: str
    over: str
    voice_note: str  # {announcement}
    whisper: str  # {name} {announcement}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a message says. Each is made for the eye."""

    whatsapp_alert: str  # {severity} {license} {alert} {link}
    taken: str  # {title} {by}
    resolved: str  # {title}
    owner_report: str  # {license} {title} {tried}
    owner_tried: str
    owner_tried_nobody: str
    owner_others: str  # {count}
    owner_link: str  # {link}
    quota_voice_near: str  # {license} {month} {percent} {used} {cap}
    quota_voice_spent: str  # likewise
    quota_events_near: str  # likewise
    quota_events_spent: str  # likewise


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
    severities: Mapping[str, str]
    prompts: Prompts
    call: Call
    written: Written
    ear: Ear

    @property
    def tag(self) -> str:
        """The language's own tag."""
        return self.tags[0]
