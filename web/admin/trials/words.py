"""Why a test was refused or broken off, in words that say what to do."""

from flask_babel import gettext as _

from gateway.model.quota import QUOTA_SPENT
from gateway.model.whatsapp import OPTED_OUT
from gateway.services import trial_calls, trial_messages, trials
from gateway.services.call_safety import in_words
from gateway.services.lines import ALL_IN_TROUBLE, NO_PHONE_SYSTEM
from web.admin.recorded_words import plain

_SPEECH = "speech: "


def reason_words(reason: str) -> str:
    """Return a reason's code in words; one that is not known as it is."""
    found = _known().get(reason)
    if found is not None:
        return found
    if reason.startswith("call_cap_"):
        return str(_("They were called so often lately that call_caps allows no further call now. Try again later."))
    if reason.startswith(_SPEECH):
        return str(_("What the call says could not be spoken: %(why)s", why=reason.removeprefix(_SPEECH)))
    return plain(in_words(reason))


def _known() -> dict[str, str]:
    return {
        trials.UNDER_WAY: _("A test is under way already. Wait until it is over."),
        trials.TOO_SOON: _("There was a test a moment ago. Nobody is tried more than once a minute."),
        trials.TIER_WITHOUT_CALLS: _("The license's tier includes no calls."),
        trials.NOT_TAKEN: _(
            "No engine took it within a minute, so nothing was dialled or sent, and nothing will be. "
            "The engine seems to be down: /readyz tells."
        ),
        trials.NO_LINE_IN_TIME: _("All lines were busy for a minute: nothing was dialled. Alerts go first."),
        trial_calls.ALERT_FIRST: _("An alert needs this person's phone, and goes first. Try again when it is over."),
        trial_calls.NEVER_DIALLED: _("The engine was restarted before it dialled: the phone did not ring. Try again."),
        trial_calls.END_NOT_REPORTED: _(
            "Interrupted, and unknown how it ended: the phone may have rung. It is not dialled again by itself."
        ),
        trial_messages.RESULT_UNKNOWN: _(
            "Interrupted while it was sent: unknown whether it arrived. It is not sent again by itself."
        ),
        trial_messages.CHANNEL_OFF: _("WhatsApp is not set up: see twilio in the configuration."),
        "not_configured": _("WhatsApp has no sender: see twilio.whatsapp_from in the configuration."),
        OPTED_OUT: _("They wrote STOP: no message goes to them until they write START."),
        QUOTA_SPENT: _("The month's voice minutes are used up: test calls use them as well."),
        NO_PHONE_SYSTEM: _("No phone system is in reach: nothing was dialled. The tab Trunks tells why."),
        ALL_IN_TROUBLE: _(
            "None of your own trunks can carry a call now: nothing was dialled. The tab Trunks tells why. "
            "Twilio carries alerts only."
        ),
        "preparation_failed": _("The call could not be prepared: the engine's log says why."),
    }
