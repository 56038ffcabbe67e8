"""The words of each message: the license's own template where it has one that works, else those of the catalogues."""

from dataclasses import dataclass

import structlog

from gateway.wording import phrases
from gateway.wording.sandbox import TemplateFailedError
from gateway.wording.templates import Facts, TemplateName, Templates, find, heard, written

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A message. ``problem`` tells why the license's template ``name`` did not make it, where it should have."""

    name: TemplateName
    text: str
    problem: str | None = None


def worded(templates: Templates, name: TemplateName, language: str, facts: Facts) -> Worded:
    """Return a message in the license's own words if they can be used, else in the built-in ones. Never fails."""
    source = find(templates, language, name)
    if source is None:
        return Worded(name=name, text=built_in(name, language, facts))
    try:
        text = own(source, name, language, facts)
    except TemplateFailedError as error:
        log.warning(
            "template_failed", template=name.value, language=language, license=facts.license_name, error=str(error)
        )
        return Worded(name=name, text=built_in(name, language, facts), problem=str(error))
    return Worded(name=name, text=text)


def own(source: str, name: TemplateName, language: str, facts: Facts) -> str:
    """Return the message that a template makes. Raises ``TemplateFailedError``."""
    return (heard if name.is_spoken else written)(source, name, language, facts)


def built_in(name: TemplateName, language: str, facts: Facts) -> str:
    """Return a message in the words of the catalogues."""
    match name:
        case TemplateName.TEXT:
            return phrases.whatsapp_alert(
                language,
                license_name=facts.license_name,
                severity=facts.severity,
                title=facts.title,
                body=facts.body,
                link=facts.link,
            )
        case TemplateName.CALL:
            return phrases.announcement(
                language,
                license_name=facts.license_name,
                severity=facts.severity,
                title=facts.title,
                body=facts.body,
            )
        case TemplateName.CALL_SEVERAL:
            return phrases.announcement_of_several(language, license_name=facts.license_name, titles=facts.titles)
        case TemplateName.VOICE_NOTE:
            return phrases.voice_note(language, announcement=facts.announcement)
        case TemplateName.STAND_DOWN:
            return phrases.stand_down(language, title=facts.title, by=facts.by or None)
        case TemplateName.OWNER_REPORT:
            return phrases.owner_report(
                language,
                license_name=facts.license_name,
                title=facts.title,
                tried=facts.tried,
                link=facts.link or None,
            )
