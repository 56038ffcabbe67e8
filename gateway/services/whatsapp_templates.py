"""The templates that Tocsin fills: what is to be approved in each language, with samples of the variables."""

from dataclasses import dataclass

from gateway.ports.messages import BUTTON_VARIABLE
from gateway.wording import phrases, whatsapp

ALERT, STAND_DOWN = "alert", "stand_down"

_LICENSE, _TITLE, _BY = "Harbour Parking", "Blacklisted plate 1234 BCD at gate 4", "Ana"
_PAYLOAD = "ack-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A template's text: ``variables`` are samples by number, ``button`` is a quick reply's title and payload."""

    name: str
    language: str
    body: str
    variables: dict[str, str]
    button: tuple[str, str] | None = None


def alert_template(language: str, *, public_url: str) -> TemplateText:
    """Return the template of the first text, in a language's own tag."""
    return TemplateText(
        name=_name(ALERT, language),
        language=whatsapp_language(language),
        body=whatsapp.alert_template(language),
        variables={
            "1": _LICENSE,
            "2": phrases.severity_word(language, "critical"),
            "3": _TITLE,
            "4": f"{public_url.rstrip('/')}/a/sample",
            BUTTON_VARIABLE: _PAYLOAD,
        },
        button=(whatsapp.alert_button(language), f"{{{{{BUTTON_VARIABLE}}}}}"),
    )


def stand_down_template(language: str) -> TemplateText:
    """Return the template of the stand-down."""
    return TemplateText(
        name=_name(STAND_DOWN, language),
        language=whatsapp_language(language),
        body=whatsapp.stand_down_template(language),
        variables={"1": _TITLE, "2": whatsapp.how_it_ended(language, by=_BY)},
    )


def whatsapp_language(tag: str) -> str:
    """Return the code under which WhatsApp knows a language.

    https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/supported-languages: it
    knows Portuguese and Chinese by country only, and has Cantonese readers under Hong Kong.
    """
    plain = tag.lower().replace("_", "-")
    named = {"zh": "zh_CN", "zh-tw": "zh_TW", "zh-hk": "zh_HK", "yue": "zh_HK", "pt": "pt_BR", "pt-br": "pt_BR"}
    return named.get(plain) or {"pt-pt": "pt_PT", "zh-cn": "zh_CN"}.get(plain) or plain.partition("-")[0]


def _name(kind: str, language: str) -> str:
    """Return a template's name, which WhatsApp takes in small letters, digits and underscores only."""
    return f"tocsin_{kind}_{language.lower().replace('-', '_')}"
