"""Files that commands write for people: whole or not at all, readable for their owner alone, safe in spreadsheets."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gateway.app.cli.invocation import CommandFailedError

# A spreadsheet takes a cell that begins so for a formula, also behind white space (OWASP, "CSV Injection").
_FORMULA_MARKS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKING_MARKS = ("\t", "\r", "\n")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,20}")


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


def csv_cell(value: object, *, numbers_as_they_are: bool = False) -> object:
    """Return a value as a cell that no spreadsheet takes for a formula; lists and objects become JSON.

    ``numbers_as_they_are``: a plus and digits alone stay without the apostrophe, for programs that look for the number:
    as a formula they are worth themselves.
    """
    if value is None:
        return ""
    if isinstance(value, list | dict):
        value = json.dumps(value)
    if not isinstance(value, str) or (numbers_as_they_are and _PHONE_NUMBER.fullmatch(value)):
        return value
    if value.lstrip().startswith(_FORMULA_MARKS) or value.startswith(_BREAKING_MARKS):
        return f"'{value}"
    return value
