"""Files that commands write for people: whole or not at all, readable for their owner alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gateway.app.cli.invocation import CommandFailedError


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a file that takes its name only when all of it is written. Raises ``CommandFailedError``."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            # Phone numbers and alerts are nobody else's business.
            part.chmod(0o600)
            yield file
        part.replace(path)
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
