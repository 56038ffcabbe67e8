"""Numbers under which WhatsApp knows one phone.

In three countries the number that WhatsApp shows of a mobile phone may differ by one digit from the one that is
dialled, so that a reply seems to come from a stranger:
https://developers.facebook.com/docs/whatsapp/cloud-api/reference/phone-numbers (Brazil and Mexico) and
https://faq.whatsapp.com/1294841057948784 (Argentina and Mexico).
"""

import re

_MEXICO = re.compile(r"\+521?(\d{10})")
_ARGENTINA = re.compile(r"\+549?(\d{10})")
# Area code, the ninth digit that mobile numbers got in 2012 to 2016, and the eight digits from before, which begin with
# 6 to 9 for mobile phones.
_BRAZIL = re.compile(r"\+55([1-9]\d)9?([6-9]\d{7})")


def same_phone(number: str) -> tuple[str, ...]:
    """Return all E.164 numbers that may be the same WhatsApp account, ``number`` itself first."""
    other: tuple[str, ...] = ()
    if match := _MEXICO.fullmatch(number):
        other = (f"+52{match[1]}", f"+521{match[1]}")
    elif match := _ARGENTINA.fullmatch(number):
        other = (f"+54{match[1]}", f"+549{match[1]}")
    elif match := _BRAZIL.fullmatch(number):
        other = (f"+55{match[1]}{match[2]}", f"+55{match[1]}9{match[2]}")
    return (number, *(each for each in other if each != number))
