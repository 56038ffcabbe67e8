"""The table of ``docs/whatsapp.md`` that is made from the code. ``python -m tests.whatsapp_tables`` writes it."""

import re
from pathlib import Path

from gateway.channels.twilio.error_codes import ERRORS
from gateway.model.whatsapp import MessageFault

DOCUMENT = Path(__file__).parents[1] / "docs" / "whatsapp.md"
_FOLLOWS = {
    MessageFault.OPTED_OUT: "marks the number as opted out",
    MessageFault.UNREACHABLE: "marks the number as not reached",
    MessageFault.WINDOW_CLOSED: "closes the window, repeats the text by template",
    MessageFault.MESSAGE: "goes on",
    MessageFault.SETUP: "goes on",
    MessageFault.TEMPORARY: "goes on",
}


def written() -> str:
    """Return the document with its table as it is by the code."""
    text = DOCUMENT.read_text(encoding="utf-8")
    block = re.compile(r"(<!-- codes: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
    assert len(block.findall(text)) == 1, "the document has no place for the table of codes"
    return block.sub(lambda match: match[1] + _table() + match[2], text)


def _table() -> str:
    lines = ["| code | means | it is about | Tocsin | what to do |", "|---|---|---|---|---|"]
    for code, error in sorted(ERRORS.items()):
        about = {"setup": "your set-up", "message": "this message", "temporary": "this moment"}
        what = about.get(error.fault.value, "the contact")
        lines.append(f"| {code} | {error.words} | {what} | {_FOLLOWS[error.fault]} | {error.advice} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(written(), encoding="utf-8")
