import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.numbers import dialled_number, formatted, international_prefix, shown_number
from gateway.config.asterisk import TrunkConfig

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)


def trunk(**keys: object) -> TrunkConfig:
    return TrunkConfig.model_validate({"name": "carrier-a", "node": "pbx1", "host": "192.0.2.1", **keys})


@pytest.mark.parametrize(
    ("number", "keys", "dialled"),
    [
        ("+493012345678", {}, "+493012345678"),
        ("+493012345678", {"number_format": "digits"}, "493012345678"),
        ("+493012345678", {"number_format": "international"}, "00493012345678"),
        ("+493012345678", {"number_format": "international", "country": "US"}, "011493012345678"),
        ("+493012345678", {"number_format": "national", "country": "DE"}, "03012345678"),
        ("+493012345678", {"number_format": "national", "country": "FR"}, "00493012345678"),
        ("+12015550123", {"number_format": "national", "country": "US"}, "2015550123"),
        ("+442079460000", {"number_format": "national", "country": "US"}, "011442079460000"),
        ("+390612345678", {"number_format": "national", "country": "IT"}, "0612345678"),
        ("+74951234567", {"number_format": "international", "country": "RU"}, "81074951234567"),
        ("+493012345678", {"number_format": "digits", "prefix": "9"}, "9493012345678"),
        ("+493012345678", {"number_format": "national", "country": "DE", "prefix": "0"}, "003012345678"),
        ("+493012345678", {"number_format": "digits", "prefix": "+77"}, "+77493012345678"),
        # A plus sign in the middle is no number: the prefix then stands before plain digits.
        ("+493012345678", {"prefix": "9"}, "9493012345678"),
    ],
)
def test_number_is_dialled_as_the_carrier_wants_it(number: str, keys: dict[str, object], dialled: str) -> None:
    assert dialled_number(number, trunk(**keys)) == dialled


def test_callers_number_has_a_format_of_its_own_and_no_prefix() -> None:
    carrier = trunk(number_format="national", country="DE", prefix="9")
    assert shown_number("+493012345678", carrier) == "03012345678"
    carrier = trunk(number_format="national", country="DE", caller_id_format="digits")
    assert shown_number("+493012345678", carrier) == "493012345678"


@pytest.mark.parametrize("number", ["", "+", "+49 30", "+49\r\n30", "+49,2", "+49@evil", "112;", "+4930a"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(UnsafeValueError):
        dialled_number(number, trunk())


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Return numbers as people have them: an example of a country and kind, with its last digits changed."""
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    example = phonenumbers.example_number_for_type(draw(st.sampled_from(COUNTRIES)), kind)
    if example is None:
        return "+15550100"
    text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    return text[:-3] + draw(st.text("0123456789", min_size=3, max_size=3))


@given(number=numbers(), country=st.sampled_from(COUNTRIES))
def test_whatever_is_dialled_in_the_country_means_the_same_number(number: str, country: str) -> None:
    dialled = formatted(number, "national", country)
    if dialled.startswith(international_prefix(country)) and dialled.endswith(number[1:]):
        return
    again = phonenumbers.parse(dialled, country)
    assert phonenumbers.format_number(again, phonenumbers.PhoneNumberFormat.E164) == number


@given(
    number=numbers(),
    country=st.sampled_from(COUNTRIES),
    number_format=st.sampled_from(["e164", "digits", "international", "national"]),
    prefix=st.none() | st.from_regex(r"\+?[0-9]{1,10}", fullmatch=True).filter(str.isascii),
)
def test_dialled_numbers_are_digits_whatever_the_trunk(
    number: str, country: str, number_format: str, prefix: str | None
) -> None:
    dialled = dialled_number(number, trunk(number_format=number_format, country=country, prefix=prefix))
    assert dialled.removeprefix("+").isdecimal()
    assert dialled.startswith(prefix or "")


@given(number=numbers())
def test_formats_without_a_country_keep_every_digit(number: str) -> None:
    assert formatted(number, "e164", None) == number
    assert formatted(number, "digits", None) == number[1:]
    assert formatted(number, "international", None) == f"00{number[1:]}"


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_an_international_prefix_of_digits(country: str) -> None:
    assert international_prefix(country).isdecimal()
