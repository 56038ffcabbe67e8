"""Dates, times of day and lengths of time."""

import calendar
import re

from gateway.model.ear.numbers import with_unit
from gateway.model.ear.spelling import JOINT, initialism
from gateway.model.languages.form import Ear

# ISO 8601, with the T or a space, with or without fractions of a second and an offset.
ISO = (
    r"(?<![\w./-])(?P<iso_year>[0-9]{4})-(?P<iso_month>[0-9]{2})-(?P<iso_day>[0-9]{2})"
    r"(?:[T ](?P<iso_hour>[01][0-9]|2[0-3]):(?P<iso_minute>[0-5][0-9])"
    r"(?::(?P<iso_second>[0-5][0-9])(?:[.,][0-9]{1,9})?)?"
    r"(?:[ ]?(?P<iso_utc>Z\b|UTC\b|GMT\b)|(?P<iso_offset>[+-][0-9]{2}:?[0-9]{2})\b)?)?(?![\w/-])"
)
YEAR_FIRST = r"(?<![\w./-])(?P<yf_year>[0-9]{4})/(?P<yf_month>[0-9]{1,2})/(?P<yf_day>[0-9]{1,2})(?![\w/-])"
DAY_FIRST = (
    r"(?<![\w./-])(?P<df_day>[0-9]{1,2})(?P<df_sign>[./-])(?P<df_month>[0-9]{1,2})(?P=df_sign)"
    r"(?P<df_year>[0-9]{4})(?![\w/-])"
)
# What follows a time says no more than its two points do, but for the half of the day.
TIME = (
    r"(?<![\w:.,])(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:[.,][0-9]{1,9})?)?"
    r"(?![0-9:])(?:[ ]?(?P<half>[aApP])\.?[mM]\b\.?|[ ]?(?:Uhr|hrs|hours|horas|heures|h)\b)?"
)
SPAN = r"(?<![\w.,])(?P<parts>(?:[0-9]{1,6}(?:ms|d|h|min|m|s)){2,5})(?![\w.,]?[0-9])(?!\w)"

_PART = re.compile(r"([0-9]+)([a-z]+)")
_TEN = 10
_NOON = 12


def iso(match: re.Match[str], ear: Ear) -> str:
    """Return a date, and the time of day where there is one. Fractions of a second are not said."""
    year, month, day = (int(match[name]) for name in ("iso_year", "iso_month", "iso_day"))
    said = date(year, month, day, ear)
    if said is None:
        return match[0].replace("-", JOINT) if match["iso_hour"] is None else match[0].replace("-", " ")
    if match["iso_hour"] is None:
        return said
    clock = time(int(match["iso_hour"]), int(match["iso_minute"]), match["iso_second"], ear)
    if match["iso_utc"]:
        clock += " " + initialism("UTC", ear)
    if offset := match["iso_offset"]:
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        sign = ear.plus if offset[0] == "+" else ear.minus
        clock += f" {initialism('UTC', ear)} {sign} {hours}" + (f" {minutes}" if minutes else "")
    return (said + ear.pause + clock).replace(" ", JOINT)


def year_first(match: re.Match[str], ear: Ear) -> str:
    """Return a date written with strokes, the year first."""
    said = date(int(match["yf_year"]), int(match["yf_month"]), int(match["yf_day"]), ear)
    return said or match[0].replace("/", f" {ear.slash} ")


def day_first(match: re.Match[str], ear: Ear) -> str:
    """Return a date with the year last. Where day and month could be either way round, it is said as it is written."""
    first, second, year = (int(match[name]) for name in ("df_day", "df_month", "df_year"))
    said = None
    if match["df_sign"] == "." or second <= _NOON < first or first == second:
        said = date(year, second, first, ear)
    elif first <= _NOON < second:
        said = date(year, first, second, ear)
    if said is None:
        sign = {"/": f" {ear.slash} ", ".": f" {ear.dot} ", "-": f" {ear.dash} "}[match["df_sign"]]
        return match[0].replace(match["df_sign"], sign).strip()
    return said


def date(year: int, month: int, day: int, ear: Ear) -> str | None:
    """Return a date with its month by name; ``None`` where there is no such day."""
    if year < 1 or not 1 <= month <= len(ear.months) or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    form = ear.first_of_month if day == 1 else ear.date
    shown_year = str(year) if ear.spaced else JOINT.join(str(year))  # Chinese reads the year's digits
    return form.format(day=day, month=ear.months[month - 1], year=shown_year).replace(" ", JOINT)


def time_of_day(match: re.Match[str], ear: Ear) -> str:
    """Return a time of day."""
    half = match["half"]
    said = time(int(match["hour"]), int(match["minute"]), match["second"], ear, by_halves=half is not None)
    return said if half is None else f"{said}{JOINT}{initialism(half + 'm', ear)}"


def time(hour: int, minute: int, second: str | None, ear: Ear, *, by_halves: bool = False) -> str:
    """Return a time of day on the clock of 24 hours, as it was written; ``by_halves``: "a.m." or "p.m." follows."""
    if minute == 0 and not (second and int(second)):
        form = ear.full_hour
        if hour == 1:
            form = ear.full_hour_at_one
        elif 1 < hour <= _NOON:
            form = ear.early_full_hour
        said = "{hour}" if by_halves else form
        return said.format(hour=hour).replace(" ", JOINT)
    shown = ear.minute_below_ten.format(minute=minute) if minute < _TEN else str(minute)
    said = (ear.time_at_one if hour == 1 else ear.time).format(hour=hour, minute=shown)
    if second and int(second):
        said = ear.with_seconds.format(time=said, seconds=int(second))
    return said.replace(" ", JOINT)


def span(match: re.Match[str], ear: Ear) -> str:
    """Return a length of time that is written in one word ("1h30m")."""
    parts = [(int(count), "min" if unit == "m" else unit) for count, unit in _PART.findall(match["parts"])]
    said = [with_unit(str(count), ear.units[unit], ear) for count, unit in parts]
    return (JOINT if ear.spaced else "").join(said)
