"""The addresses under which a provider fetches audio: signed, and good for a while."""

from dataclasses import dataclass, field
from datetime import timedelta

import itsdangerous

from gateway.ports.speech import MEDIA_FETCHED_FOR


@dataclass(frozen=True, slots=True, repr=False)
class MediaSigner:
    """The tokens in media addresses: a file's name, the time, and a keyed signature."""

    key: bytes
    lifetime: timedelta = MEDIA_FETCHED_FOR
    _serializer: itsdangerous.URLSafeTimedSerializer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the serializer."""
        object.__setattr__(self, "_serializer", itsdangerous.URLSafeTimedSerializer(self.key, salt="media"))

    def sign(self, name: str) -> str:
        """Return the token for a file's name, safe in a URL."""
        return str(self._serializer.dumps(name))

    def read(self, token: str) -> str | None:
        """Return the name; ``None`` where forged or expired."""
        try:
            name = self._serializer.loads(token, max_age=int(self.lifetime.total_seconds()))
        except itsdangerous.BadData:
            return None
        return name if isinstance(name, str) else None
