"""What is wrong with a configuration, told all at once."""

from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys of mappings and indexes of lists, from the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong: where it stands, what is wrong with it and what to write instead.

    ``path`` is written ``asterisk.trunks[0].port``; it is empty where the file as a whole is
    meant. ``line`` counts from 1. No value of a secret is ever part of a mistake.
    """

    path: str
    problem: str
    suggestion: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return the mistake as one line for people."""
        where = self.path or "the file"
        if self.line is not None:
            where += f" (line {self.line})"
        return f"{where}: {self.problem}" + (f"; {self.suggestion}" if self.suggestion else "")


class ConfigError(Exception):
    """The configuration cannot be used. Correct every listed mistake; ``tocsin check-config`` lists what is left."""

    def __init__(self, mistakes: Iterable[Mistake], *, source: str = "configuration") -> None:
        self.mistakes = tuple(mistakes)
        self.source = source
        super().__init__(source, self.mistakes)

    def __str__(self) -> str:
        """Return every mistake on a line of its own."""
        return "\n".join([f"{self.source} has {count(len(self.mistakes))}:", *(f"  {m}" for m in self.mistakes)])


def count(number: int) -> str:
    """Return the number of mistakes in words that fit it."""
    return "1 mistake" if number == 1 else f"{number} mistakes"


def written(path: KeyPath) -> str:
    """Return a path as it is shown to people: ``asterisk.trunks[0].port``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
