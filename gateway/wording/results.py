"""What was tried with a contact, and how it ended, in the words of the owner's report."""

from collections.abc import Iterable

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.model.quota import QUOTA_SPENT
from gateway.wording.catalogues import marked, words_of

_LEVELS = {
    Level.TEXT: marked("text"),
    Level.VOICE_NOTE: marked("voice note"),
    Level.CALL: marked("call"),
}
_STATES = {
    AttemptState.PENDING: marked("under way"),
    AttemptState.SENT: marked("sent"),
    AttemptState.DELIVERED: marked("delivered"),
    AttemptState.READ: marked("read"),
    AttemptState.MISSED: marked("missed"),
    AttemptState.ACKNOWLEDGED: marked("acknowledged"),
    AttemptState.HANDED_OFF: marked("passed to the operator"),
    AttemptState.INVALID_NUMBER: marked("the number is invalid"),
    AttemptState.FAILED: marked("failed"),
    AttemptState.UNAVAILABLE: marked("not possible"),
    AttemptState.UNKNOWN: marked("result unknown"),
    AttemptState.SKIPPED: marked("skipped"),
    AttemptState.CANCELLED: marked("cancelled"),
}
_REASONS = {
    CallOutcome.NO_KEY.value: marked("answered, no key pressed"),
    CallOutcome.MACHINE.value: marked("voicemail"),
    CallOutcome.NO_ANSWER.value: marked("no answer"),
    CallOutcome.BUSY.value: marked("busy"),
    CallOutcome.DECLINED.value: marked("declined"),
    QUOTA_SPENT: marked("voice minutes used up"),
    "window_closed": marked("WhatsApp allows no free messages now"),
    "channel_off": marked("not set up"),
    "no_result_in_time": marked("no report in time"),
}


def tried_line(language: str, *, name: str, phone: str, attempts: Iterable[Attempt]) -> str:
    """Return what was tried with one contact, as in "Ana (+15550123): text read, call missed (busy)".

    A reason that has no words of its own is shown as it is recorded.
    """
    words = words_of(language)
    shown = [_result(language, attempt) for attempt in attempts if attempt.level in _LEVELS]
    # Translators: what stands between two results.
    together = words.pgettext("list", ", ").join(shown)
    return words.pgettext("written", "{name} ({phone}): {results}").format(
        name=name, phone=phone, results=together or "—"
    )


def _result(language: str, attempt: Attempt) -> str:
    words = words_of(language)
    level, state = words.gettext(_LEVELS[attempt.level]), words.gettext(_STATES[attempt.state])
    if not attempt.reason or attempt.reason == attempt.state.value:
        return words.pgettext("result", "{level} {state}").format(level=level, state=state)
    known = _REASONS.get(attempt.reason)
    reason = words.gettext(known) if known else attempt.reason
    return words.pgettext("result", "{level} {state} ({reason})").format(level=level, state=state, reason=reason)
