"""A contact: a person who can be told."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person, as recorded.

    ``phone`` and ``whatsapp`` are E.164 numbers with their ``+``.
    ``whatsapp_window_until`` is the end of WhatsApp's 24-hour window, which
    each message of the person opens; ``None`` where none was ever seen.
    ``phone_invalid_at`` is set when the network said that the number does not exist.
    ``whatsapp_blocked`` says why nothing is sent by WhatsApp (``opted_out``, or the provider's reason) since
    ``whatsapp_blocked_at``.
    """

    id: int
    license_id: int
    name: str
    phone: str
    whatsapp: str
    language: str
    position: int
    enabled: bool = True
    has_pin: bool = False
    whatsapp_window_until: datetime | None = None
    phone_invalid_at: datetime | None = None
    whatsapp_blocked: str | None = None
    whatsapp_blocked_at: datetime | None = None
