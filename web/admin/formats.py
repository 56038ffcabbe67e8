"""How values are written on the pages."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask, url_for
from flask_babel import format_datetime, format_decimal, format_timedelta
from markupsafe import Markup, escape

from gateway.services.iso import iso
from web.admin.languages import html_tag

NONE = "\N{EN DASH}"


def register(app: Flask) -> None:
    """Add the filters to the templates."""
    app.jinja_env.filters.update(moment=moment, span=span, since=since, milliseconds=milliseconds, number=number)
    app.jinja_env.globals.update(html_tag=html_tag, event_url=event_url, call_url=call_url)


def moment(at: datetime | None, zone: str = "UTC", style: str = "medium") -> Markup:
    """Return a time as a ``time`` element, in that time zone, with the exact one as its title; a dash for none."""
    if at is None:
        return escape(NONE)
    local = at.astimezone(ZoneInfo(zone))
    shown = format_datetime(local, style, rebase=False)
    return Markup('<time datetime="{}" title="{} {}">{}</time>').format(
        iso(at), local.strftime("%Y-%m-%d %H:%M:%S"), local.tzname(), escape(shown)
    )


def span(seconds: float | timedelta | None) -> str:
    """Return a length of time in words; a dash for none."""
    if seconds is None:
        return NONE
    given = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
    return str(format_timedelta(given, granularity="second", threshold=1.2))


def since(at: datetime, now: datetime) -> Markup:
    """Return how long ago something was, as a ``time`` element."""
    words = span(max(now - at, timedelta()))
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(at), exact, words)


def event_url(event_id: int) -> str:
    """Return the address of an event's page."""
    return url_for("admin.events.show", event_id=event_id)


def call_url(call_id: str) -> str:
    """Return the address of a call's page."""
    return url_for("admin.calls.show", call_id=call_id)


def milliseconds(given: float | None) -> str:
    """Return a short length of time in seconds, to a tenth; a dash for none."""
    return NONE if given is None else f"{format_decimal(round(given / 1000, 1))} s"


def number(value: float | None, unit: str = "") -> str:
    """Return a measured value with its unit, to a tenth; a dash for none."""
    return NONE if value is None else f"{format_decimal(round(value, 1))} {unit}".rstrip()
