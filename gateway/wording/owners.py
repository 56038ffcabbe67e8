"""What owners read beside the report on one alert: several alerts at once, what became of them, buttons and answers.

``language`` is a BCP 47 tag. Times carry the time zone that they are shown in.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.wording import figures
from gateway.wording.catalogues import words_of
from gateway.wording.phrases import LARGEST_TELEGRAM_TEXT, cut, one_line

# https://core.telegram.org/bots/api#answercallbackquery: 0 to 200 characters.
LARGEST_ANSWER = 200

_LISTED = 20
_ROOM_FOR_LINES = LARGEST_TELEGRAM_TEXT - 300
_NAME_LIMIT = 80
_TITLE_LIMIT = 80
# So short that an answer fits even if it counts in UTF-16 and all of it is emoji.
_ANSWERED_LIMIT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAlert:
    """One alert that an owner was told of.

    ``open``: nobody has taken it. Else ``by`` took it, or (``None``) its source withdrew it, at ``at``. ``link`` is
    where it can be looked at.
    """

    title: str
    open: bool = True
    by: str | None = None
    at: datetime | None = None
    link: str | None = None


def button(language: str, count: int = 1) -> str:
    """Return what stands on the button that acknowledges so many alerts."""
    words = words_of(language)
    if count == 1:
        return words.pgettext("button", "✅ Acknowledge")
    all_of_them = words.npgettext("button", "✅ Acknowledge all {count}", "✅ Acknowledge all {count}", count)
    return all_of_them.format(count=figures.number(language, count))


def settled(language: str, alert: ToldAlert) -> str:
    """Return the line above a report whose alert is not open any more."""
    words = words_of(language)
    time = figures.moment(language, alert.at) if alert.at is not None else ""
    if alert.by is None:
        return words.pgettext("written", "✅ Resolved by its source. {time}").format(time=time).rstrip()
    taken = words.pgettext("written", "✅ {by} has acknowledged this alert. {time}")
    return taken.format(by=one_line(alert.by, _NAME_LIMIT), time=time).rstrip()


def several(language: str, *, license_name: str, alerts: Sequence[ToldAlert]) -> str:
    """Return the report on several alerts: those that are open first, up to twenty, then how many more there are.

    Fewer are listed where their links are so long that not all fit: no line is cut.
    """
    words = words_of(language)
    name, left = one_line(license_name, _NAME_LIMIT), [alert for alert in alerts if alert.open]
    if left:
        heading = words.npgettext(
            "written",
            "⚠️ Nobody acknowledged {count} alert of {license}.",
            "⚠️ Nobody acknowledged {count} alerts of {license}.",
            len(left),
        )
        count = figures.number(language, len(left))
    else:
        heading = words.npgettext(
            "written",
            "✅ {count} alert of {license} is settled.",
            "✅ All {count} alerts of {license} are settled.",
            len(alerts),
        )
        count = figures.number(language, len(alerts))
    ordered = [*left, *(alert for alert in alerts if not alert.open)]
    lines = _that_fit([_line(language, alert) for alert in ordered[:_LISTED]])
    if (rest := len(ordered) - len(lines)) > 0:
        more = words.npgettext("written", "and {count} more", "and {count} more", rest)
        lines.append(more.format(count=figures.number(language, rest)))
    return "\n\n".join([heading.format(count=count, license=name), "\n".join(lines)])


def pressed(language: str, *, mine: int, title: str, other: ToldAlert | None) -> str:
    """Return what whoever pressed the button is told.

    ``mine`` alerts are theirs now; ``title`` is that of the only one. ``other`` is one that was settled before, where
    there is any.
    """
    words = words_of(language)
    if mine == 1:
        said = words.pgettext("answer", "You have acknowledged: {title}")
    elif mine:
        said = words.npgettext(
            "answer", "You have acknowledged {count} alerts.", "You have acknowledged {count} alerts.", mine
        )
    elif other is None:
        said = words.pgettext("answer", "There is nothing left to acknowledge.")
    elif other.by is None:
        said = words.pgettext("answer", "This alert was already resolved by its source.")
    else:
        said = words.pgettext("answer", "{by} has already acknowledged this alert.")
    by = one_line(other.by, _ANSWERED_LIMIT) if other is not None and other.by is not None else ""
    count = figures.number(language, mine)
    return cut(said.format(count=count, title=one_line(title, _ANSWERED_LIMIT), by=by), LARGEST_ANSWER)


def refused(language: str) -> str:
    """Return what is said to a press of a button that does not belong here."""
    return cut(words_of(language).pgettext("answer", "This button does not work here."), LARGEST_ANSWER)


def chat_id(language: str, chat: str) -> str:
    """Return what the bot says to ``/start``."""
    said = words_of(language).pgettext(
        "written", "The id of this chat is {chat}. A license whose owner is this chat sends its reports here."
    )
    return said.format(chat=chat)


def _that_fit(lines: Sequence[str]) -> list[str]:
    """Return the first of these lines, as many as leave room for what stands around them."""
    lengths = itertools.accumulate(len(line) + 1 for line in lines)
    return [line for line, length in zip(lines, lengths, strict=True) if length <= _ROOM_FOR_LINES]


def _line(language: str, alert: ToldAlert) -> str:
    title = one_line(alert.title, _TITLE_LIMIT)
    if alert.open:
        return f"• {title}\n{alert.link}" if alert.link else f"• {title}"
    if alert.by is None:
        return words_of(language).pgettext("written", "✅ {title}: resolved by its source").format(title=title)
    taken = words_of(language).pgettext("written", "✅ {title}: {by}")
    return taken.format(title=title, by=one_line(alert.by, _NAME_LIMIT))
