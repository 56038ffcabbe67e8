"""Recorded calls in words, for people."""

from collections.abc import Mapping
from typing import Any

from gateway.channels.asterisk.explain import Explanation, Handling, Party, explain
from gateway.channels.asterisk.outcomes import LegEnd
from gateway.model.call import CallOutcome
from gateway.wording.catalogues import marked

# Ends that no status and no cause tells about.
_KNOWN_OTHERWISE = {
    CallOutcome.ACKNOWLEDGED: marked("the callee acknowledged"),
    CallOutcome.HANDED_OFF: marked("the callee asked for the operator"),
    CallOutcome.NO_KEY: marked("answered, and hung up without a key that counts"),
    CallOutcome.MACHINE: marked("an answering machine took the call"),
    CallOutcome.CANCELLED: marked("hung up by Tocsin: the event was over"),
    CallOutcome.LOST: marked("it was dialled, and nobody saw how it ended"),
}

# What was made of a call where its cause means something else.
_OUTCOMES = {
    CallOutcome.NO_ANSWER: marked("no answer"),
    CallOutcome.BUSY: marked("busy"),
    CallOutcome.DECLINED: marked("declined"),
    CallOutcome.INVALID_NUMBER: marked("invalid number"),
    CallOutcome.TRUNK_TROUBLE: marked("trunk trouble"),
}
_NOT_PLACED = marked("the provider did not place the call")
_LOOK_CLOSER = marked("The engine's log has the provider's own words; tocsin doctor looks closer.")


def cause_of(call: Mapping[str, Any]) -> str | None:
    """Return the status or cause of a call as people cite it: ``SIP 486``, ``Q.850 19``."""
    if call["sip_cause"] is not None and call["answered_at"] is None:
        return f"SIP {call['sip_cause']}"
    return None if call["hangup_cause"] is None else f"Q.850 {call['hangup_cause']}"


def explanation_of(call: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return why a call ended as it did, and what to do about it; ``None`` for one that is not over."""
    if call["outcome"] is None:
        return None
    outcome = CallOutcome(call["outcome"])
    if outcome in _KNOWN_OTHERWISE:
        meaning, handling = _KNOWN_OTHERWISE[outcome], Handling.MISSED.value if outcome.is_missed else outcome.value
        return {"cause": None, "meaning": meaning, "advice": None, "who_acts": "nobody", "handled_as": handling}
    rang = call["ringing_at"] is not None or outcome.is_missed
    return why(LegEnd(sip_cause=call["sip_cause"], hangup_cause=call["hangup_cause"], rang=rang), outcome)


def trouble_of(sip_cause: int | None, hangup_cause: int | None) -> dict[str, Any]:
    """Return what kept a trunk from placing calls, by what the network said of them."""
    return why(LegEnd(sip_cause=sip_cause, hangup_cause=hangup_cause, rang=False), CallOutcome.TRUNK_TROUBLE)


def why(end: LegEnd, outcome: CallOutcome) -> dict[str, Any]:
    """Return why a call ended so, as it stands in JSON.

    A cloud provider has words of its own for how its calls end. Where its cause means something else than what was made
    of it, what was made of it is told, and the cause by its name alone.
    """
    found = explain(end)
    if found.outcome is outcome:
        return as_json(found)
    trouble = outcome is CallOutcome.TRUNK_TROUBLE
    return {
        "cause": found.cause or None,
        "meaning": _NOT_PLACED if trouble else _OUTCOMES.get(outcome, outcome.value.replace("_", " ")),
        "advice": _LOOK_CLOSER if trouble else None,
        "who_acts": (Party.GATEWAY if trouble else Party.NOBODY).value,
        "handled_as": outcome.value.replace("_", " "),
    }


def as_json(found: Explanation) -> dict[str, Any]:
    """Return an explanation as it stands in JSON."""
    return {
        "cause": found.cause or None,
        "meaning": found.meaning,
        "advice": found.advice,
        "who_acts": found.party.value,
        "handled_as": found.handling.value,
    }
