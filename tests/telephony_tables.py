"""The tables of ``docs/telephony.md`` that are made from the code. ``python -m tests.telephony_tables`` writes them."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gateway.channels.asterisk.causes import Q850, SIP
from gateway.channels.asterisk.explain import Explanation, Party, explain_q850, explain_sip

DOCUMENT = Path(__file__).parents[1] / "docs" / "telephony.md"
_HEAD = ("means", "Tocsin takes it for", "who acts", "what to do")


def written() -> str:
    """Return the document with its tables as they are by the code."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in (("sip", _table("status", SIP, explain_sip)), ("q850", _table("cause", Q850, explain_q850))):
        block = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        assert len(block.findall(text)) == 1, f"the document has no place for the table {name}"
        text = block.sub(lambda match, table=table: match[1] + table + match[2], text)  # type: ignore[misc]
    return text


def _table(what: str, codes: Iterable[int], explain: Callable[..., Explanation]) -> str:
    lines = [f"| {what} | {' | '.join(_HEAD)} |", "|---" * (len(_HEAD) + 1) + "|"]
    for code in sorted(codes):
        lines += [f"| {' | '.join(row)} |" for row in _rows(explain(code, rang=False), explain(code, rang=True))]
    return "\n".join(lines) + "\n"


def _rows(silent: Explanation, rang: Explanation) -> Iterator[tuple[str, ...]]:
    """Yield one row, or two where it matters whether the phone rang."""
    if silent.handling is rang.handling:
        yield _row(silent, "")
    else:
        yield _row(silent, ", nothing rang")
        yield _row(rang, ", it rang")


def _row(explained: Explanation, when: str) -> tuple[str, ...]:
    name = explained.cause.removeprefix("SIP ").removeprefix("Q.850 ")
    who = "" if explained.party is Party.NOBODY else explained.party.value
    advice = "" if explained.party is Party.NOBODY else explained.advice
    return name + when, explained.meaning, explained.handling.value, who, advice


if __name__ == "__main__":
    DOCUMENT.write_text(written(), encoding="utf-8")
