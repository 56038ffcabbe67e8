"""The fields and answers of the webhook, in the reader's language. ``docs/integration.md`` says the same at length."""

from flask_babel import gettext as _


def fields() -> list[tuple[str, str]]:
    """Return each field of a post with what it means."""
    return [
        ("title", _("Required. 1 to 500 characters: what people read first and what the call says.")),
        ("body", _("Up to 5000 characters of detail.")),
        ("severity", _("info, warn or critical. Without it the alert is as grave as its source.")),
        (
            "dedup_key",
            _("Up to 255 characters that name the situation. Posts with the same key within 5 minutes are one event."),
        ),
        ("payload", _("Any JSON object under 30 KB. It is kept as it came and shown with the event.")),
        ("action", _("trigger, which is the default, or resolve: the open event of the key stops escalating.")),
    ]


def answers() -> list[tuple[str, str, str]]:
    """Return each answer: its status, what its body holds, and what to do about it."""
    wait = _("Not taken. Post it again after Retry-After seconds, with the same dedup_key.")
    return [
        ("200", "status: open", _("Taken: it is on disk and escalates.")),
        ("200", "deduplicated: true", _("A repeat of an earlier event. Nothing more to do.")),
        (
            "200",
            "reason: rate_limit",
            _("Recorded, but nobody is told: too many within a minute. Post it again later."),
        ),
        ("200", "reason: monthly_cap", _("Recorded, but nobody is told: the month's events are used up.")),
        ("200", "status: resolved", _("The event of that key no longer escalates.")),
        ("400", "invalid_…", _("That field breaks its rule. Posting the same again does not help.")),
        ("401", "missing_token", _("There is no X-Alert-Token header.")),
        ("403", "invalid_token", _("No such token, or its source is disabled.")),
        ("403", "license_inactive", _("The license is switched off.")),
        ("413", "too_large", _("The request is over 64 KB.")),
        ("500", "internal", _("A fault of the gateway. Post it again with the same dedup_key.")),
        ("503", "unavailable", wait),
    ]
