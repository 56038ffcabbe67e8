"""An acknowledgement: who stopped the escalation, when and how."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AcknowledgedVia(StrEnum):
    """The way in which a person acknowledged."""

    LINK = "link"
    DTMF = "dtmf"
    REPLY = "reply"
    ADMIN = "admin"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """One person's acknowledgement. The ``first`` of an event stopped it; later ones are recorded as well."""

    event_id: int
    contact_id: int | None
    by: str
    via: AcknowledgedVia
    at: datetime
    first: bool
