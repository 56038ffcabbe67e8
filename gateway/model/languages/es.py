"""Spanish."""

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("es",),
    ear=Ear(
        and_more="y más",
        link_to="enlace a {host}",
        link="enlace",
        dot="punto",
        at="arroba",
        plus="más",
        and_="y",
        ending_in="código terminado en {digits}",
        time="{hour} horas {minute}",
        full_hour="{hour} horas",
        minute_below_ten="cero {minute}",
        units={
            "%": "por ciento",
            "°C": "grados",
            "°": "grados",
            "km/h": "kilómetros por hora",
            "km": "kilómetros",
            "cm": "centímetros",
            "mm": "milímetros",
            "m": "metros",
            "kg": "kilos",
            "ms": "milisegundos",
            "s": "segundos",
            "min": "minutos",
            "h": "horas",
            "kW": "kilovatios",
            "V": "voltios",
            "MB": "megabytes",
            "GB": "gigabytes",
        },
    ),
)
