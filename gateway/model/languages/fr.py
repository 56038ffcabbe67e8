"""French."""

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("fr",),
    ear=Ear(
        and_more="et la suite",
        link_to="lien vers {host}",
        link="lien",
        dot="point",
        at="arobase",
        plus="plus",
        and_="et",
        ending_in="code se terminant par {digits}",
        time="{hour} heures {minute}",
        full_hour="{hour} heures",
        minute_below_ten="{minute}",
        units={
            "%": "pour cent",
            "°C": "degrés",
            "°": "degrés",
            "km/h": "kilomètres par heure",
            "km": "kilomètres",
            "cm": "centimètres",
            "mm": "millimètres",
            "m": "mètres",
            "kg": "kilos",
            "ms": "millisecondes",
            "s": "secondes",
            "min": "minutes",
            "h": "heures",
            "kW": "kilowatts",
            "V": "volts",
            "Mo": "mégaoctets",
            "Go": "gigaoctets",
        },
    ),
)
