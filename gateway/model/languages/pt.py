"""Portuguese, in words that Brazil and Portugal share."""

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("pt",),
    ear=Ear(
        and_more="e mais",
        link_to="link para {host}",
        link="link",
        dot="ponto",
        at="arroba",
        plus="mais",
        and_="e",
        ending_in="código com final {digits}",
        time="{hour} horas e {minute}",
        full_hour="{hour} horas",
        minute_below_ten="{minute}",
        units={
            "%": "por cento",
            "°C": "graus",
            "°": "graus",
            "km/h": "quilômetros por hora",
            "km": "quilômetros",
            "cm": "centímetros",
            "mm": "milímetros",
            "m": "metros",
            "kg": "quilos",
            "ms": "milissegundos",
            "s": "segundos",
            "min": "minutos",
            "h": "horas",
            "kW": "quilowatts",
            "V": "volts",
            "MB": "megabytes",
            "GB": "gigabytes",
        },
    ),
)
