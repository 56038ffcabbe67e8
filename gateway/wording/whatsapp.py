"""What WhatsApp carries besides the alerts: answers to what people write, and the templates to have approved.

A template must neither begin nor end with a variable, nor have two side by side, and needs a good deal of words for
each: https://www.twilio.com/docs/content/twilio-quick-reply.
"""

from gateway.wording.catalogues import words_of

# https://www.twilio.com/docs/content/twilio-quick-reply
LONGEST_BUTTON = 20

_LONGEST_TITLE = 200
_LONGEST_NAME = 80


def taken(language: str, *, title: str, by: str | None) -> str:
    """Return the answer to an acknowledgement: ``by`` was first, ``None`` where it was whoever is answered."""
    words = words_of(language)
    if by is None:
        return words.gettext("Acknowledged, you have it: {title}").format(title=_cut(title, _LONGEST_TITLE))
    told = words.gettext("{by} already has it: {title}")
    return told.format(by=_cut(by, _LONGEST_NAME), title=_cut(title, _LONGEST_TITLE))


def withdrawn(language: str, *, title: str) -> str:
    """Return the answer to an acknowledgement of what its source has withdrawn."""
    told = words_of(language).gettext("Already over, its source withdrew it: {title}")
    return told.format(title=_cut(title, _LONGEST_TITLE))


def still_open(language: str, *, title: str) -> str:
    """Return what tells that another alert waits, too."""
    told = words_of(language).gettext("Still open: {title}. Reply 1 for that one, too.")
    return told.format(title=_cut(title, _LONGEST_TITLE))


def how_to_acknowledge(language: str, *, title: str) -> str:
    """Return the answer to what was not understood."""
    return words_of(language).gettext("Reply 1 to acknowledge: {title}").format(title=_cut(title, _LONGEST_TITLE))


def which_one(language: str) -> str:
    """Return the answer to an acknowledgement that may be of any of several alerts."""
    return words_of(language).gettext(
        "Several alerts are open. Open the link in the one that you mean, or reply 1 for the newest."
    )


def nothing_open(language: str) -> str:
    """Return the answer where there is nothing to acknowledge."""
    return words_of(language).gettext("There is no open alert for you.")


def opted_out(language: str) -> str:
    """Return the answer to STOP."""
    return words_of(language).gettext(
        "You get no more alerts by WhatsApp. Phone calls go on. Write START to get them again."
    )


def opted_in(language: str) -> str:
    """Return the answer to START."""
    return words_of(language).gettext("You get alerts by WhatsApp again.")


def how_it_ended(language: str, *, by: str | None) -> str:
    """Return the second variable of the stand-down's template."""
    words = words_of(language)
    if by is None:
        return words.gettext("its source has withdrawn it")
    return words.gettext("{by} has it").format(by=_cut(by, _LONGEST_NAME))


def alert_template(language: str) -> str:
    """Return the body of the alert's template, with its numbered variables."""
    # Translators: {{1}} is the license, {{2}} the severity, {{3}} the title, {{4}} a link. The message must neither
    # begin nor end with one of them.
    return words_of(language).gettext(
        "🚨 Alert from {{1}}, severity: {{2}}.\n\n{{3}}\n\n"
        "Open this link to see it and to take it: {{4}}\nOr tap the button below, or reply 1."
    )


def alert_button(language: str) -> str:
    """Return the title of the alert's quick-reply button."""
    # Translators: at most 20 characters.
    return words_of(language).gettext("I take it")


def stand_down_template(language: str) -> str:
    """Return the body of the stand-down's template, with its numbered variables."""
    # Translators: {{1}} is the title, {{2}} is "Ana has it" or "its source has withdrawn it".
    return words_of(language).gettext("✅ The alert “{{1}}” is over: {{2}}. You need do nothing more about it.")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
