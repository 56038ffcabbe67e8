"""A message that the fake Twilio accepted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime


@dataclass(slots=True, kw_only=True)
class SentMessage:
    """A message that was accepted."""

    account_sid: str
    sid: str
    to: str
    from_: str
    fields: Mapping[str, str | list[str]]
    created_at: datetime
    status: str = "queued"
    error_code: int | None = None
    media: bytes | None = None
    media_problem: str | None = None

    @property
    def body(self) -> str | None:
        """The free text."""
        return self._text("Body")

    @property
    def shown(self) -> str:
        """What the recipient reads: the free text, or the template with its values."""
        return self.body or " · ".join(value for _, value in sorted(self.content_variables.items()))

    @property
    def media_url(self) -> str | None:
        """Where the voice note is."""
        urls = self.fields.get("MediaUrl")
        return urls[0] if urls else None

    @property
    def content_sid(self) -> str | None:
        """The template."""
        return self._text("ContentSid")

    @property
    def content_variables(self) -> dict[str, str]:
        """The template's values."""
        variables: dict[str, str] = json.loads(self._text("ContentVariables") or "{}")
        return variables

    @property
    def status_callback(self) -> str | None:
        """Where reports go."""
        return self._text("StatusCallback")

    def document(self) -> dict[str, object]:
        """Return the Message resource."""
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        at = format_datetime(self.created_at)
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.shown,
            "date_created": at,
            "date_sent": None,
            "date_updated": at,
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_,
            "messaging_service_sid": None,
            "num_media": "1" if self.media_url else "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) else None
