"""What Tocsin says and writes to people, in their language.

``language`` is a BCP 47 tag; a language that nobody has translated falls back to English,
and ``gateway.model.languages.speakable`` gives the tag to speak the result with. What is
spoken is already made for the ear; what is written is cut to the length that its channel carries.
"""

import unicodedata
from collections.abc import Sequence

from gateway.model.languages import language_for
from gateway.model.quota import VOICE_MARKS, NoticeKind, minutes
from gateway.model.speech_text import sentence, spoken

LARGEST_WHATSAPP_TEXT = 1500  # Twilio refuses more than 1600 characters (its error 21617)
LARGEST_TELEGRAM_TEXT = 4000  # the Bot API's sendMessage takes 4096
TITLES_ANNOUNCED = 5

_TITLE_LIMIT = 200
_BODY_LIMIT = 400
_NAME_LIMIT = 80
_SHORT_TITLE_LIMIT = 120
_TRIED_LISTED = 20
_WRITTEN_TITLE_LIMIT = 300
_WRITTEN_LINE_LIMIT = 150


def prompt(language: str, name: str) -> str:
    """Return a call's fixed sentence by its name (``menu``, ``noted``, …). Raises ``KeyError`` for another name."""
    prompts = language_for(language).prompts
    if name not in prompts.__slots__:
        raise KeyError(name)
    return str(getattr(prompts, name))


def severity_word(language: str, severity: str) -> str:
    """Return the word for a severity; a value without one is returned as it is."""
    return language_for(language).severities.get(severity, severity)


def announcement(language: str, *, license_name: str, severity: str, title: str, body: str) -> str:
    """Return what a call about one alert says. A body that only repeats the title is left out."""
    phrases = language_for(language)
    heard_title = spoken(title, language, limit=_TITLE_LIMIT)
    heard_body = spoken(body, language, limit=_BODY_LIMIT)
    parts = [heard_title] if heard_body == heard_title else [heard_title, heard_body]
    return phrases.call.alert.format(
        license=spoken(license_name, language, limit=_NAME_LIMIT),
        severity=severity_word(language, severity),
        alert=_joined(parts, language),
    ).strip()


def announcement_of_several(language: str, *, license_name: str, titles: Sequence[str]) -> str:
    """Return what a call about several alerts says: up to five titles, then how many more there are."""
    call = language_for(language).call
    parts = [call.several.format(count=len(titles), license=spoken(license_name, language, limit=_NAME_LIMIT))]
    for number, title in enumerate(titles[:TITLES_ANNOUNCED], start=1):
        heard = spoken(title, language, limit=_SHORT_TITLE_LIMIT)
        parts.append(call.one_of_several.format(number=number, title=heard))
    if len(titles) > TITLES_ANNOUNCED:
        parts.append(call.others.format(count=len(titles) - TITLES_ANNOUNCED))
    return _joined(parts, language)


def voice_note(language: str, *, license_name: str, severity: str, title: str, body: str) -> str:
    """Return what a voice note about one alert says: the announcement, and how to acknowledge without a key."""
    said = announcement(language, license_name=license_name, severity=severity, title=title, body=body)
    return language_for(language).call.voice_note.format(announcement=said)


def whisper(language: str, *, name: str, announcement: str) -> str:
    """Return what the operator hears before they are connected: who is on the line, and what it is about."""
    heard = spoken(name, language, limit=_NAME_LIMIT)
    return language_for(language).call.whisper.format(name=heard, announcement=announcement)


def acknowledged(language: str) -> str:
    """Return what the callee hears whose key stopped the escalation."""
    return language_for(language).call.acknowledged


def already_acknowledged(language: str, *, by: str) -> str:
    """Return what the callee hears whose key came second; ``by`` is who was first, empty where that has no name."""
    call = language_for(language).call
    name = spoken(by, language, limit=_NAME_LIMIT)
    return call.already_acknowledged.format(by=name) if name else call.already_acknowledged_by_someone


def over(language: str) -> str:
    """Return what the callee hears when the source has withdrawn the alert."""
    return language_for(language).call.over


def whatsapp_alert(language: str, *, license_name: str, severity: str, title: str, body: str, link: str) -> str:
    """Return the L1 text. The link is always whole; title and body are cut to fit."""
    phrases = language_for(language)

    def filled(alert: str) -> str:
        return phrases.written.whatsapp_alert.format(
            severity=severity_word(language, severity),
            license=_line(license_name, _NAME_LIMIT),
            alert=alert,
            link=link,
        )

    heading = _line(title, _WRITTEN_TITLE_LIMIT)
    room = LARGEST_WHATSAPP_TEXT - len(filled(heading)) - 1
    text = _clean(body)
    if not text or text == heading:
        return filled(heading)
    return filled(f"{heading}\n{_cut(text, room)}")


def stand_down(language: str, *, title: str, by: str | None) -> str:
    """Return the text for those already told: ``by`` took the alert, or (``None``) its source withdrew it."""
    written = language_for(language).written
    shown = _line(title, _WRITTEN_TITLE_LIMIT)
    if by is None:
        return written.resolved.format(title=shown)
    return written.taken.format(title=shown, by=_line(by, _NAME_LIMIT))


def owner_report(language: str, *, license_name: str, title: str, tried: Sequence[str], link: str | None) -> str:
    """Return the message to the owner when everyone failed. ``tried`` holds one line a contact, in order."""
    written = language_for(language).written
    lines = [f"• {_line(line, _WRITTEN_LINE_LIMIT - len('• '))}" for line in tried[:_TRIED_LISTED]]
    if len(tried) > _TRIED_LISTED:
        lines.append(written.owner_others.format(count=len(tried) - _TRIED_LISTED))
    report = written.owner_report.format(
        license=_line(license_name, _NAME_LIMIT),
        title=_line(title, _WRITTEN_TITLE_LIMIT),
        tried="\n".join([written.owner_tried, *lines]) if lines else written.owner_tried_nobody,
    )
    end = f"\n\n{written.owner_link.format(link=link)}" if link else ""
    return _cut(report, LARGEST_TELEGRAM_TEXT - len(end)) + end


def quota_notice(language: str, *, kind: NoticeKind, license_name: str, month: str, used: int, cap: int) -> str:
    """Return the message to the owner about a cap of which most or all is used: seconds of voice, or events."""
    written = language_for(language).written
    sentences = {
        NoticeKind.VOICE_80: written.quota_voice_near,
        NoticeKind.VOICE_100: written.quota_voice_spent,
        NoticeKind.EVENTS_80: written.quota_events_near,
        NoticeKind.EVENTS_100: written.quota_events_spent,
    }
    of_voice = kind in VOICE_MARKS
    return sentences[kind].format(
        license=_line(license_name, _NAME_LIMIT),
        month=month,
        percent=used * 100 // cap,
        used=minutes(used) if of_voice else used,
        cap=minutes(cap) if of_voice else cap,
    )


def _joined(parts: Sequence[str], language: str) -> str:
    gap = " " if language_for(language).ear.spaced else ""
    return gap.join(sentence(part, language) for part in parts if part)


def _clean(text: str) -> str:
    """Return the text without control characters and lone surrogates, which messengers refuse."""
    kept = (c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()


def _line(text: str, limit: int) -> str:
    return _cut(" ".join(_clean(text.replace("\n", " ").replace("\t", " ")).split()), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"
