"""Licenses, as the use cases see them in the database."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model.license import License


class LicenseRepository(Protocol):
    """Licenses."""

    def add(self, license_: License) -> License:
        """Store a new license (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, license_id: int) -> License | None:
        """Return a license."""
        ...

    def lock(self, license_id: int) -> None:
        """Hold off other intakes of the same license until this unit of work ends."""
        ...

    def list(self) -> Sequence[License]:
        """Return all licenses by id."""
        ...

    def update(self, license_: License) -> None:
        """Store the license's present values, all but its templates."""
        ...

    def set_templates(self, license_id: int, templates: Mapping[str, Mapping[str, str]]) -> None:
        """Store the license's templates, by language and name. ``lock`` it before they are read."""
        ...

    def move_owner(self, chat: str, new_chat: str) -> Sequence[int]:
        """Give the licenses whose owner is that chat another one, and return their ids."""
        ...
