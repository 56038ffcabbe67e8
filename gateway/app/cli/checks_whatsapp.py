"""The doctor's look at WhatsApp's templates."""

from gateway.app.cli.checks import Finding, failed, off, ok, warn
from gateway.app.cli.whatsapp import configured
from gateway.channels.twilio.content import ContentApi, ContentError
from gateway.config.schema import Config

# https://www.twilio.com/docs/content/content-api-resources#fetch-an-approval-status-request
_APPROVED = "approved"
_UNDER_WAY = frozenset({"received", "pending"})


def check_templates(config: Config) -> Finding:
    """Tell whether every configured template is approved: what is not is never delivered outside the window."""
    if config.twilio is None or config.twilio.whatsapp_from is None:
        return off("not configured: WhatsApp is skipped")
    if not config.twilio.has_template:
        return off("no template: WhatsApp delivers only to people who wrote within the last 24 hours")
    api = ContentApi(config.twilio)
    found: list[tuple[str, str]] = []
    for use, tag, sid in configured(config.twilio):
        try:
            found.append((f"{use} ({tag})", api.approval(sid).status))
        except ContentError as error:
            return failed(f"{sid}: {error}", "check content_sid, content_sids and content_api_base")
    wrong = [f"{name} is {status}" for name, status in found if status not in {_APPROVED, *_UNDER_WAY}]
    if wrong:
        return failed(", ".join(wrong), "see tocsin whatsapp status, and WhatsApp's reason there")
    waiting = [f"{name} is {status}" for name, status in found if status in _UNDER_WAY]
    if waiting:
        return warn(", ".join(waiting), "wait for WhatsApp's approval: minutes to a day")
    return ok(f"{len(found)} approved")
