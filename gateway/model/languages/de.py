"""German."""

from gateway.model.languages.form import Call, Ear, Language, Prompts, Written

LANGUAGE = Language(
    tags=("de",),
    severities={"info": "Information", "warn": "Warnung", "critical": "kritisch"},
    prompts=Prompts(
        menu="Drücken Sie die 1, um zu bestätigen. Drücken Sie die 2, um mit einem Menschen zu sprechen.",
        not_understood="Diese Taste wurde leider nicht verstanden.",
        noted="Notiert. Vielen Dank.",
        connecting="Sie werden mit einem Menschen verbunden. Bitte warten Sie.",
        no_operator="Leider ist niemand da, mit dem wir Sie verbinden können.",
        goodbye="Auf Wiederhören.",
        enter_pin="Geben Sie Ihre PIN ein und danach die Rautetaste.",
        wrong_pin="Diese PIN ist nicht richtig.",
        operator_busy="Der Anschluss ist besetzt. Drücken Sie 1, um zu bestätigen.",
        operator_absent="Es meldet sich niemand. Drücken Sie 1, um zu bestätigen.",
    ),
    call=Call(
        alert="Dies ist ein Alarm von {license}. Dringlichkeit: {severity}. {alert}",
        several="Es gibt {count} Alarme von {license}.",
        one_of_several="Alarm {number}: {title}",
        others="Und {count} weitere.",
        acknowledged="Der Alarm ist bestätigt. Vielen Dank. Auf Wiederhören.",
        already_acknowledged="{by} hat diesen Alarm bereits bestätigt. Vielen Dank. Auf Wiederhören.",
        already_acknowledged_by_someone="Dieser Alarm wurde bereits bestätigt. Vielen Dank. Auf Wiederhören.",
        over="Dieser Alarm hat sich erledigt. Es ist nichts weiter zu tun. Auf Wiederhören.",
        voice_note="{announcement} Antworten Sie mit 1, um zu bestätigen, "
        "oder öffnen Sie den Link der vorigen Nachricht.",
        whisper="{name} ist in der Leitung. {announcement}",
    ),
    written=Written(
        whatsapp_alert="🚨 Alarm von {license}, Dringlichkeit: {severity}\n\n{alert}\n\n"
        "Zum Bestätigen tippen: {link}\nOder mit 1 antworten.",
        taken="✅ {by} hat bestätigt: {title}. Sie müssen nichts tun.",
        resolved="✅ Von der Quelle aufgehoben: {title}. Sie müssen nichts tun.",
        owner_report="⚠️ Niemand hat einen Alarm von {license} bestätigt.\n\n{title}\n\n{tried}",
        owner_tried="Versucht wurde:",
        owner_tried_nobody="Es gab niemanden zu benachrichtigen: Die Lizenz hat keinen erreichbaren Kontakt.",
        owner_others="und {count} weitere",
        owner_link="Einzelheiten: {link}",
        quota_voice_near="📊 {license} hat {percent} % der Sprachminuten für {month} verbraucht: {used} von {cap}.",
        quota_voice_spent="⛔ {license} hat die Sprachminuten für {month} verbraucht: {used} von "
        "{cap}. Bis zum Monatsende entfallen Sprachnachrichten und Anrufe; Textnachrichten gehen weiter "
        "hinaus.",
        quota_events_near="📊 {license} hat {percent} % der Alarme für {month} verbraucht: {used} von {cap}.",
        quota_events_spent="⛔ {license} hat die Alarme für {month} verbraucht: {used} von {cap}. "
        "Weitere werden aufgezeichnet, aber bis zum Monatsende wird niemand benachrichtigt.",
    ),
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
