"""The port through which a cloud phone learns and keeps what ties its provider's calls to the legs on record."""

from typing import Protocol

from gateway.model.call import Call


class ProviderCallBook(Protocol):
    """What is on record of a provider's calls. Every method may raise ``RecordUnavailableError``.

    The provider's callbacks come in at other processes: what those have recorded is found here.
    """

    def find(self, call_id: str) -> Call | None:
        """Return a leg."""
        ...

    def keep(self, call_id: str, provider_call_id: str) -> None:
        """Record under which id the provider has the leg."""
        ...

    def is_taken(self, provider_call_id: str) -> bool:
        """Tell whether a leg is on record under that id."""
        ...
