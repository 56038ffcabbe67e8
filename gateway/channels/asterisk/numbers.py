"""Phone numbers as a trunk's carrier wants them written.

The gateway knows numbers in E.164 alone; what a carrier understands stands in its data sheet. Whatever is
written here is read back before it is used: a form that would mean another number, dialled from the trunk's country, is
not used, so that nobody else's phone rings.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

from gateway.channels.asterisk.ami_values import UnsafeValueError, checked_number
from gateway.config.asterisk import NumberFormat, TrunkConfig

_DIALLED = re.compile(r"\+?[0-9]{2,32}")
# ITU-T E.164 recommends it, and most of the world dials it. A country that does not says so in its metadata.
_INTERNATIONAL_PREFIX = "00"


def dialled_number(number: str, trunk: TrunkConfig) -> str:
    """Return a number (E.164) as the INVITE's request URI names it to this carrier. Raises ``UnsafeValueError``."""
    dialled = f"{trunk.prefix or ''}{formatted(number, trunk.number_format, trunk.country)}"
    if _DIALLED.fullmatch(dialled) is None:
        # A prefix before the plus sign is no number.
        dialled = f"{trunk.prefix or ''}{formatted(number, 'digits', None)}"
    if _DIALLED.fullmatch(dialled) is None:
        raise UnsafeValueError(f"{dialled!r} cannot be dialled on the trunk {trunk.name}")
    return dialled


def shown_number(number: str, trunk: TrunkConfig) -> str:
    """Return a caller's number (E.164) as this carrier wants to be told it: without the trunk's prefix."""
    return formatted(number, trunk.caller_id_format or trunk.number_format, trunk.country)


def formatted(number: str, number_format: NumberFormat, country: str | None) -> str:
    """Return a number (E.164) in a format. Raises ``UnsafeValueError`` for what is no number.

    ``national`` is how people of the country dial it, and the international form for everybody else's numbers.
    """
    digits = checked_number(number).removeprefix("+")
    match number_format:
        case "e164":
            return f"+{digits}"
        case "digits":
            return digits
        case "international":
            return f"{international_prefix(country)}{digits}"
    return _national(digits, country) or f"{international_prefix(country)}{digits}"


def international_prefix(country: str | None) -> str:
    """Return what is dialled in a country (ISO 3166) before the country code of another: 00, or in the US 011."""
    metadata = PhoneMetadata.metadata_for_region(country, None) if country else None
    if metadata is not None:
        for prefix in (metadata.preferred_international_prefix, metadata.international_prefix):
            # Where there are several, the metadata has a pattern of all. "8~10" means to wait for a tone.
            if prefix and (plain := prefix.replace("~", "")).isdecimal():
                return plain
    return _INTERNATIONAL_PREFIX


def _national(digits: str, country: str | None) -> str | None:
    """Return the number as people of its country dial it; ``None`` where it is no number of that country."""
    try:
        number = phonenumbers.parse(f"+{digits}", None)
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            return None
        dialled = re.sub(r"[^0-9]", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
        again = phonenumbers.parse(dialled, country)
    except NumberParseException:
        return None
    same = (again.country_code, again.national_number, bool(again.italian_leading_zero), again.number_of_leading_zeros)
    meant = (
        number.country_code,
        number.national_number,
        bool(number.italian_leading_zero),
        number.number_of_leading_zeros,
    )
    return dialled if same == meant else None
