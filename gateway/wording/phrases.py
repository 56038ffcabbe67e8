"""What Tocsin says and writes to people, in their language.

``language`` is a BCP 47 tag; a language that nobody has translated falls back to English,
and ``gateway.model.languages.speakable`` gives the tag to speak the result with. What is
spoken is already made for the ear; what is written is cut to the length that its channel carries.
Of the contexts of the sentences, "spoken" is what a voice says, "written" is what a message says.
"""

import unicodedata
from collections.abc import Sequence

from gateway.model.languages import language_for
from gateway.model.quota import VOICE_MARKS, NoticeKind
from gateway.model.speech_text import sentence, spoken
from gateway.wording import figures
from gateway.wording.catalogues import marked, words_of

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
_TWO = 2

# Translators: a person hears these on the phone, perhaps at night: short sentences, polite address.
_PROMPTS = {
    "menu": marked("Press 1 to acknowledge. Press 2 to speak to a person."),
    "not_understood": marked("Sorry, that key was not understood."),
    "noted": marked("Noted. Thank you."),
    "connecting": marked("Connecting you to a person. Please hold."),
    "no_operator": marked("Sorry, there is nobody to connect you to."),
    "goodbye": marked("Goodbye."),
    "enter_pin": marked("Enter your PIN, then press the hash key."),
    "wrong_pin": marked("That PIN is not right."),
    "operator_busy": marked("The person's line is busy. Press 1 to acknowledge."),
    "operator_absent": marked("The person did not answer. Press 1 to acknowledge."),
}
_SEVERITIES = {"info": marked("information"), "warn": marked("warning"), "critical": marked("critical")}
_NOTICES = {
    NoticeKind.VOICE_80: marked("📊 {license} has used {percent} of its voice minutes of {month}: {used} of {cap}."),
    NoticeKind.VOICE_100: marked(
        "⛔ {license} has used up its voice minutes of {month}: {used} of {cap}. "
        "Voice notes and calls are skipped until the month ends; text messages go on."
    ),
    NoticeKind.EVENTS_80: marked("📊 {license} has used {percent} of its alerts of {month}: {used} of {cap}."),
    NoticeKind.EVENTS_100: marked(
        "⛔ {license} has used up its alerts of {month}: {used} of {cap}. "
        "Further alerts are recorded, and nobody is told of them until the month ends."
    ),
}


def prompt(language: str, name: str) -> str:
    """Return a call's fixed sentence by its name (``menu``, ``noted``, …). Raises ``KeyError`` for another name."""
    return words_of(language).gettext(_PROMPTS[name])


def severity_word(language: str, severity: str) -> str:
    """Return the word for a severity; a value without one is returned as it is."""
    word = _SEVERITIES.get(severity)
    return words_of(language).gettext(word) if word else severity


def announcement(language: str, *, license_name: str, severity: str, title: str, body: str) -> str:
    """Return what a call about one alert says. A body that only repeats the title is left out."""
    alert = words_of(language).pgettext("spoken", "This is an alert from {license}. Severity: {severity}. {alert}")
    return alert.format(
        license=spoken(license_name, language, limit=_NAME_LIMIT),
        severity=severity_word(language, severity),
        alert=heard_alert(language, title=title, body=body),
    ).strip()


def heard_alert(language: str, *, title: str, body: str) -> str:
    """Return title and body of an alert as they are said; a body that only repeats the title is left out."""
    return _joined(heard_parts(language, title=title, body=body), language)


def heard_parts(language: str, *, title: str, body: str) -> tuple[str, str]:
    """Return title and body of an alert as they are said; the body is empty where it only repeats the title."""
    heard_title = spoken(title, language, limit=_TITLE_LIMIT)
    heard_body = spoken(body, language, limit=_BODY_LIMIT)
    return heard_title, "" if heard_body == heard_title else heard_body


def announcement_of_several(language: str, *, license_name: str, titles: Sequence[str]) -> str:
    """Return what a call about several alerts says: up to five titles, then how many more there are."""
    words = words_of(language)
    count = len(titles)
    several = words.npgettext(
        "spoken", "There is {count} alert from {license}.", "There are {count} alerts from {license}.", count
    )
    name = spoken(license_name, language, limit=_NAME_LIMIT)
    parts = [several.format(count=counted(language, count), license=name)]
    one_of_several = words.pgettext("spoken", "Alert {number}: {title}")
    for number, title in enumerate(titles[:TITLES_ANNOUNCED], start=1):
        heard = spoken(title, language, limit=_SHORT_TITLE_LIMIT)
        parts.append(one_of_several.format(number=number, title=heard))
    if count > TITLES_ANNOUNCED:
        rest = count - TITLES_ANNOUNCED
        more = words.npgettext("spoken", "And {count} more.", "And {count} more.", rest)
        parts.append(more.format(count=counted(language, rest)))
    return _joined(parts, language)


def voice_note(language: str, *, announcement: str) -> str:
    """Return what a voice note says: the announcement of its alert, and how to acknowledge without a key."""
    note = words_of(language).pgettext(
        "spoken", "{announcement} Reply 1 to acknowledge, or open the link in the message above."
    )
    return note.format(announcement=announcement)


def whisper(language: str, *, name: str, announcement: str) -> str:
    """Return what the operator hears before they are connected: who is on the line, and what it is about."""
    whispered = words_of(language).pgettext("spoken", "{name} is on the line. {announcement}")
    return whispered.format(name=spoken(name, language, limit=_NAME_LIMIT), announcement=announcement)


def acknowledged(language: str) -> str:
    """Return what the callee hears whose key stopped the escalation."""
    return words_of(language).gettext("The alert is acknowledged. Thank you. Goodbye.")


def already_acknowledged(language: str, *, by: str) -> str:
    """Return what the callee hears whose key came second; ``by`` is who was first, empty where that has no name."""
    words = words_of(language)
    name = spoken(by, language, limit=_NAME_LIMIT)
    if not name:
        return words.gettext("This alert was already acknowledged. Thank you. Goodbye.")
    return words.gettext("{by} has already acknowledged this alert. Thank you. Goodbye.").format(by=name)


def over(language: str) -> str:
    """Return what the callee hears when the source has withdrawn the alert."""
    return words_of(language).gettext("This alert has been resolved. Nothing more is needed. Goodbye.")


def whatsapp_alert(language: str, *, license_name: str, severity: str, title: str, body: str, link: str) -> str:
    """Return the L1 text. The link is always whole; title and body are cut to fit."""
    text = words_of(language).pgettext(
        "written", "🚨 {severity} alert from {license}\n\n{alert}\n\nTap to acknowledge: {link}\nOr reply 1."
    )

    def filled(alert: str) -> str:
        severity_shown = severity_word(language, severity)
        return text.format(severity=severity_shown, license=one_line(license_name, _NAME_LIMIT), alert=alert, link=link)

    heading = one_line(title, _WRITTEN_TITLE_LIMIT)
    room = LARGEST_WHATSAPP_TEXT - len(filled(heading)) - 1
    written_body = clean(body)
    if not written_body or written_body == heading:
        return filled(heading)
    return filled(f"{heading}\n{cut(written_body, room)}")


def stand_down(language: str, *, title: str, by: str | None) -> str:
    """Return the text for those already told: ``by`` took the alert, or (``None``) its source withdrew it."""
    words = words_of(language)
    shown = one_line(title, _WRITTEN_TITLE_LIMIT)
    if by is None:
        return words.pgettext("written", "✅ Resolved by its source: {title}. You need do nothing.").format(title=shown)
    taken = words.pgettext("written", "✅ {by} has acknowledged: {title}. You need do nothing.")
    return taken.format(title=shown, by=one_line(by, _NAME_LIMIT))


def owner_report(language: str, *, license_name: str, title: str, tried: Sequence[str], link: str | None) -> str:
    """Return the message to the owner when everyone failed. ``tried`` holds one line a contact, in order."""
    words = words_of(language)
    report = words.pgettext("written", "⚠️ Nobody acknowledged an alert of {license}.\n\n{title}\n\n{tried}").format(
        license=one_line(license_name, _NAME_LIMIT),
        title=one_line(title, _WRITTEN_TITLE_LIMIT),
        tried=tried_list(language, tried),
    )
    shown_link = words.pgettext("written", "Details: {link}").format(link=link)
    end = f"\n\n{shown_link}" if link else ""
    return cut(report, LARGEST_TELEGRAM_TEXT - len(end)) + end


def tried_list(language: str, tried: Sequence[str]) -> str:
    """Return who was tried, a line each, up to twenty; or that there was nobody."""
    words = words_of(language)
    if not tried:
        return words.pgettext("written", "There was nobody to try: the license has no contact who can be reached.")
    lines = [f"• {one_line(line, _WRITTEN_LINE_LIMIT - len('• '))}" for line in tried[:_TRIED_LISTED]]
    if (rest := len(tried) - _TRIED_LISTED) > 0:
        more = words.npgettext("written", "and {count} more", "and {count} more", rest)
        lines.append(more.format(count=figures.number(language, rest)))
    return "\n".join([words.pgettext("written", "Tried:"), *lines])


def quota_notice(language: str, *, kind: NoticeKind, license_name: str, month: str, used: int, cap: int) -> str:
    """Return the message to the owner about a cap of which most or all is used: seconds of voice, or events.

    ``month`` is named as in ``2026-11``.
    """
    shown = figures.minutes if kind in VOICE_MARKS else figures.number
    return (
        words_of(language)
        .gettext(_NOTICES[kind])
        .format(
            license=one_line(license_name, _NAME_LIMIT),
            month=figures.month(language, month),
            percent=figures.percent(language, used * 100 // cap),
            used=shown(language, used),
            cap=shown(language, cap),
        )
    )


def trial_announcement(language: str, *, license_name: str) -> str:
    """Return what a test call says in place of an alert."""
    words = words_of(language).pgettext("spoken", "This is a test call from {license}. There is no alert.")
    return words.format(license=spoken(license_name, language, limit=_NAME_LIMIT))


def trial_confirmed(language: str) -> str:
    """Return what the callee of a test call hears who has pressed the key that acknowledges."""
    return words_of(language).pgettext("spoken", "Your key has arrived. This was only a test. Thank you. Goodbye.")


def trial_text(language: str, *, license_name: str) -> str:
    """Return a test message as free text."""
    words = words_of(language).pgettext(
        "written", "🔔 Test message from {license}. There is no alert, you need do nothing."
    )
    return words.format(license=one_line(license_name, _NAME_LIMIT))


def trial_title(language: str) -> str:
    """Return what stands in the place of an alert's title where a test message goes by the template of alerts."""
    return words_of(language).pgettext("written", "Only a test: there is no alert, you need do nothing")


def clean(text: str) -> str:
    """Return the text without control characters and lone surrogates, which messengers refuse."""
    kept = (c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()


def one_line(text: str, limit: int) -> str:
    """Return the text in one line of at most ``limit`` characters."""
    return cut(" ".join(clean(text.replace("\n", " ").replace("\t", " ")).split()), limit)


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of a text; what is cut ends with an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def counted(language: str, count: int) -> str:
    """Return a number as it is said in front of what is counted."""
    # Translators: the word for two in front of what is counted, where it is not the figure (as in Chinese).
    two = words_of(language).pgettext("before what is counted", "2")
    return two if count == _TWO else str(count)


def _joined(parts: Sequence[str], language: str) -> str:
    gap = " " if language_for(language).ear.spaced else ""
    return gap.join(sentence(part, language) for part in parts if part)
