"""French."""

from gateway.model.languages.form import Call, Ear, Language, Prompts, Written

LANGUAGE = Language(
    tags=("fr",),
    severities={"info": "information", "warn": "avertissement", "critical": "critique"},
    prompts=Prompts(
        menu="Appuyez sur 1 pour confirmer. Appuyez sur 2 pour parler à une personne.",
        not_understood="Désolé, cette touche n'a pas été comprise.",
        noted="C'est noté. Merci.",
        connecting="Nous vous mettons en relation avec une personne. Veuillez patienter.",
        no_operator="Désolé, personne ne peut vous répondre pour le moment.",
        goodbye="Au revoir.",
    ),
    call=Call(
        alert="Ceci est une alerte {license}. Gravité : {severity}. {alert}",
        several="Il y a {count} alertes {license}.",
        one_of_several="Alerte {number} : {title}",
        others="Et {count} de plus.",
        acknowledged="L'alerte est confirmée. Merci. Au revoir.",
        already_acknowledged="{by} a déjà confirmé cette alerte. Merci. Au revoir.",
        already_acknowledged_by_someone="Cette alerte a déjà été confirmée. Merci. Au revoir.",
        over="Cette alerte est résolue. Il n'y a plus rien à faire. Au revoir.",
        voice_note="{announcement} Répondez 1 pour confirmer, ou ouvrez le lien du message précédent.",
    ),
    written=Written(
        whatsapp_alert="🚨 Alerte {license}, gravité : {severity}\n\n{alert}\n\n"
        "Touchez pour confirmer : {link}\nOu répondez 1.",
        taken="✅ {by} a confirmé : {title}. Vous n'avez rien à faire.",
        resolved="✅ Résolu par sa source : {title}. Vous n'avez rien à faire.",
        owner_report="⚠️ Personne n'a confirmé une alerte {license}.\n\n{title}\n\n{tried}",
        owner_tried="Tentatives :",
        owner_tried_nobody="Il n'y avait personne à prévenir : la licence n'a aucun contact joignable.",
        owner_others="et {count} de plus",
        owner_link="Détails : {link}",
        quota_voice_near="📊 {license} a utilisé {percent} % de ses minutes vocales de {month} : {used} sur {cap}.",
        quota_voice_spent="⛔ {license} a épuisé ses minutes vocales de {month} : {used} sur {cap}. "
        "Les messages vocaux et les appels sont omis jusqu'à la fin du mois ; les messages texte "
        "continuent.",
        quota_events_near="📊 {license} a utilisé {percent} % de ses alertes de {month} : {used} sur {cap}.",
        quota_events_spent="⛔ {license} a épuisé ses alertes de {month} : {used} sur {cap}. Les "
        "suivantes sont enregistrées, mais personne n'est prévenu jusqu'à la fin du mois.",
    ),
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
