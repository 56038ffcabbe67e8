"""Numbers, lengths and dates as people write them, by the Unicode CLDR's data (through Babel).

``language`` is a BCP 47 tag. A region counts where it only writes its language in another way (``es-MX``); otherwise,
as for a language that nobody has translated, the forms are those of the words around them.
"""

from datetime import date, datetime
from functools import lru_cache

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_skeleton, get_datetime_format
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from gateway.model.languages import language_for, speakable
from gateway.wording.catalogues import words_of

# English without a region is written for the world, and not for the one country that puts the month first.
_OWN_LOCALES = {"en": "en_001"}
_SECONDS_A_MINUTE = 60
_WHOLE = 100


def number(language: str, value: int) -> str:
    """Return a whole number with its thousands parted."""
    return format_decimal(value, locale=_locale(language))


def percent(language: str, value: int) -> str:
    """Return whole per cent."""
    return format_percent(value / _WHOLE, locale=_locale(language))


def minutes(language: str, seconds: int) -> str:
    """Return a length as minutes and seconds, as in "4 min 5 sec"."""
    # Units are those of the language itself: CLDR's data of some regions refers to forms that Babel does not follow.
    locale = _own_locale(language)
    whole, rest = divmod(seconds, _SECONDS_A_MINUTE)
    shown = format_unit(whole, "duration-minute", length="short", locale=locale)
    if not rest:
        return shown
    seconds_shown = format_unit(rest, "duration-second", length="short", locale=locale)
    # Translators: a length of time as in "4 min 5 sec"; both parts come with their units.
    both = words_of(language).pgettext("length", "{minutes} {seconds}")
    return both.format(minutes=shown, seconds=seconds_shown)


def month(language: str, name: str) -> str:
    """Return a month that is named as in ``2026-11`` in words. Raises ``ValueError`` for anything else."""
    first_day = date.fromisoformat(f"{name}-01")
    return format_skeleton("yMMMM", first_day, locale=_locale(language))


def moment(language: str, at: datetime) -> str:
    """Return a moment in its own time zone, to the minute, on a clock of 24 hours: at night 3 and 15 must differ."""
    locale = _locale(language)
    day = format_skeleton("yMMMd", at, locale=locale)
    time = format_skeleton("Hm", at, locale=locale)
    together = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return f"{together.format(time, day)} {at.tzname() or ''}".rstrip()


@lru_cache
def _locale(language: str) -> Locale:
    own = _own_locale(language)
    tag = speakable(language).replace("_", "-")
    if "-" not in tag:
        return own
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return own
    return locale if locale.language == own.language and locale.script in {None, own.script} else own


def _own_locale(language: str) -> Locale:
    tag = language_for(language).tag
    return Locale.parse(_OWN_LOCALES.get(tag, tag.replace("-", "_")))
