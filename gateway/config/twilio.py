"""The section ``twilio``."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.config.values import E164, Fraction, Length, Secret, Section, Url, Whole, parse_language

ContentSid = Annotated[str, Field(pattern=r"^HX[0-9a-fA-F]{32}$")]
Language = Annotated[str, AfterValidator(parse_language)]

# The language of the template for people in whose own language there is none.
_FALLBACK = "en"


class TwilioConfig(Section):
    """Twilio: WhatsApp, and calls where no trunk of our own can place them.

    With ``content_sid`` or ``content_sids`` the text goes by an approved template, else as free text; the stand-down
    likewise by ``stand_down_sid`` and ``stand_down_sids``. With ``voice_from`` there is a last trunk, called
    ``twilio``; its pace is what Twilio grants an account at first.
    """

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    api_base: Url = "https://api.twilio.com"
    content_api_base: Url = "https://content.twilio.com"
    whatsapp_from: E164 | None = None
    voice_from: E164 | None = None
    content_sid: ContentSid | None = None
    content_sids: dict[Language, ContentSid] = Field(default_factory=dict)
    stand_down_sid: ContentSid | None = None
    stand_down_sids: dict[Language, ContentSid] = Field(default_factory=dict)
    max_calls: Annotated[Whole, Field(ge=1)] = 30
    calls_per_second: Annotated[Fraction, Field(gt=0)] = 1
    timeout: Length = timedelta(seconds=10)

    @property
    def has_template(self) -> bool:
        """Whether the text goes by a template."""
        return bool(self.content_sid or self.content_sids)

    @property
    def has_stand_down_template(self) -> bool:
        """Whether the stand-down goes by a template."""
        return bool(self.stand_down_sid or self.stand_down_sids)

    def template(self, language: str, *, stand_down: bool = False) -> str | None:
        """Return the template for a BCP 47 tag: the most exact one, else the one for everybody, else any."""
        sids = self.stand_down_sids if stand_down else self.content_sids
        default = self.stand_down_sid if stand_down else self.content_sid
        return _most_exact(sids, language) or default or sids.get(_FALLBACK) or next(iter(sids.values()), None)


def _most_exact(sids: Mapping[str, str], language: str) -> str | None:
    by_tag = {tag.lower(): sid for tag, sid in sids.items()}
    parts = language.lower().replace("_", "-").split("-")
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((by_tag[tag] for tag in tags if tag in by_tag), None)
