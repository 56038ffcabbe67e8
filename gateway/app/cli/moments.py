"""Moments on the command line: a date, a time, or how long ago."""

from datetime import UTC, datetime
from typing import Any

import click

from gateway.config.schema import parse_duration

_FORMS = "write 2026-11-22, 2026-11-22T14:30:00 (UTC unless a zone is named), or how long ago: 90m, 24h, 7d"


class MomentType(click.ParamType[datetime]):
    """A moment, aware and in UTC: ISO 8601, or a duration before now."""

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            return datetime.now(UTC) - parse_duration(text)
        except (ValueError, OverflowError):
            pass
        try:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no moment: {_FORMS}", param, ctx)


MOMENT = MomentType()
