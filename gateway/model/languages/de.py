"""German."""

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("de",),
    ear=Ear(
        and_more="und mehr",
        link_to="Link zu {host}",
        link="Link",
        dot="Punkt",
        at="ät",
        plus="plus",
        and_="und",
        ending_in="Code mit der Endung {digits}",
        time="{hour} Uhr {minute}",
        full_hour="{hour} Uhr",
        minute_below_ten="{minute}",
        units={
            "%": "Prozent",
            "°C": "Grad",
            "°": "Grad",
            "km/h": "Kilometer pro Stunde",
            "km": "Kilometer",
            "cm": "Zentimeter",
            "mm": "Millimeter",
            "m": "Meter",
            "kg": "Kilogramm",
            "ms": "Millisekunden",
            "s": "Sekunden",
            "min": "Minuten",
            "h": "Stunden",
            "kW": "Kilowatt",
            "V": "Volt",
            "MB": "Megabyte",
            "GB": "Gigabyte",
        },
    ),
)
