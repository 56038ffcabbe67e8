from pydantic import SecretStr
from werkzeug.datastructures import MultiDict

from gateway.channels.twilio.signature import TwilioCallbackVerifier, valid
from gateway.ports.messages import CallbackVerifier

# The worked example of Twilio's security documentation.
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_example_of_the_documentation_is_valid() -> None:
    assert valid(TOKEN, URL, FORM, SIGNATURE)


def test_a_multi_dict_of_the_web_framework_is_understood() -> None:
    assert valid(TOKEN, URL, MultiDict(FORM), SIGNATURE)


def test_another_field_value_is_forged() -> None:
    assert not valid(TOKEN, URL, {**FORM, "Digits": "9"}, SIGNATURE)


def test_another_address_is_forged() -> None:
    assert not valid(TOKEN, URL.replace("foo=1", "foo=2"), FORM, SIGNATURE)


def test_another_token_is_forged() -> None:
    assert not valid("54321", URL, FORM, SIGNATURE)


def test_no_signature_is_forged() -> None:
    assert not valid(TOKEN, URL, FORM, "")


def test_a_signature_of_odd_characters_is_forged_and_breaks_nothing() -> None:
    assert not valid(TOKEN, URL, FORM, "ü" * 28)


def test_the_verifier_keeps_the_token_to_itself() -> None:
    verifier: CallbackVerifier = TwilioCallbackVerifier(SecretStr(TOKEN))
    assert verifier.verify(URL, FORM, SIGNATURE)
    assert TOKEN not in repr(vars(verifier))
