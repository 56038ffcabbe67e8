"""Values as cells of a table that spreadsheets open (RFC 4180)."""

import json
import re

# A spreadsheet takes a cell that begins so for a formula, also behind white space (OWASP, "CSV Injection").
_FORMULA_MARKS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKING_MARKS = ("\t", "\r", "\n")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,20}")


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
