"""Why a call failed, in words: what it means, who has to act, and what Tocsin does with it. Pure.

What Tocsin does is never decided here: it is asked of ``outcomes``, so that the words cannot differ from the deed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.channels.asterisk.causes import NOTHING, Q850, Q850_CLASSES, SIP, SIP_CLASSES, Cause
from gateway.channels.asterisk.outcomes import LegEnd, outcome_of
from gateway.model.call import CallOutcome
from gateway.wording.catalogues import marked

_FIRST_FINAL_FAILURE, _LAST_FINAL_FAILURE = 300, 699
_LAST_Q850 = 127
_SIP_CLASS, _Q850_CLASS = 100, 16


class Party(StrEnum):
    """Who has to act so that the next call goes better."""

    NOBODY = marked("nobody")
    CONTACTS = marked("whoever keeps the contacts")
    GATEWAY = marked("whoever runs this gateway")
    CARRIER = marked("the carrier")


class Handling(StrEnum):
    """What Tocsin does with a call that ended so."""

    ANSWERED = marked("answered")
    CANCELLED = marked("cancelled by Tocsin")
    MISSED = marked("missed call")
    INVALID_NUMBER = marked("invalid number")
    TRUNK_TROUBLE = marked("trunk trouble")
    OWN_FAULT = marked("our own fault")  # trunk trouble whose cause is this gateway's configuration, as it seems


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a call ended as it did. ``cause`` names the status or cause that tells, ``""`` where none does."""

    cause: str
    meaning: str
    advice: str
    party: Party
    handling: Handling
    outcome: CallOutcome


def explain(end: LegEnd) -> Explanation:
    """Return what a leg's end means for people. Every status and cause has an explanation, unknown ones by their class.

    Where ``outcomes`` finds trunk trouble, the table of causes tells whose it is; for all else it follows
    from the outcome.
    """
    outcome = outcome_of(end)
    if outcome is CallOutcome.NO_KEY:
        return _made("", Cause("", marked("the call was answered"), NOTHING), outcome, Handling.ANSWERED, Party.NOBODY)
    if outcome is CallOutcome.CANCELLED:
        cancelled = Cause("", marked("Tocsin hung up before an answer"), NOTHING)
        return _made("", cancelled, outcome, Handling.CANCELLED, Party.NOBODY)
    name, cause = _cause_of(end)
    if outcome.is_missed:
        if outcome_of(replace(end, rang=False)) is CallOutcome.TRUNK_TROUBLE:
            # Had nothing rung, the same cause would be the trunk's.
            cause = Cause(cause.name, marked("the phone was not answered in time"), NOTHING)
        return _made(name, cause, outcome, Handling.MISSED, Party.NOBODY)
    if outcome is CallOutcome.INVALID_NUMBER:
        return _made(name, cause, outcome, Handling.INVALID_NUMBER, Party.CONTACTS)
    if cause.ours:
        return _made(name, cause, outcome, Handling.OWN_FAULT, Party.GATEWAY)
    return _made(name, cause, outcome, Handling.TRUNK_TROUBLE, Party.CARRIER)


def explain_sip(status: int, *, rang: bool | None = None) -> Explanation:
    """Return what a final SIP status means, 300 to 699."""
    return explain(LegEnd(sip_cause=status, rang=rang))


def explain_q850(cause: int, *, rang: bool | None = None) -> Explanation:
    """Return what a Q.850 cause means, 1 to 127, where there is no SIP status."""
    return explain(LegEnd(hangup_cause=cause, rang=rang))


_LOGIN = Cause(
    "AMI login refused",
    marked("Asterisk does not accept the gateway's user name or secret, or its address"),
    marked(
        "Compare username and secret of the node, and whom manager.conf permits; tocsin asterisk render writes a "
        "matching file."
    ),
)
_NOBODY_LISTENS = Cause(
    "AMI connection refused",
    marked("nothing listens at the node's host and port"),
    marked("Start Asterisk (tocsin asterisk up); check host and port of the node, and bindaddr in manager.conf."),
)
_AMI_ERRORS: tuple[tuple[str, Cause], ...] = (
    ("refused the login", _LOGIN),
    ("authentication failed", _LOGIN),
    (
        "permission denied",
        Cause(
            "AMI permission denied",
            marked("the gateway's AMI user may not do this"),
            marked("Load the manager.conf that tocsin asterisk render writes: its line write names the rights."),
        ),
    ),
    (
        "extension does not exist",
        Cause(
            "dialplan missing",
            marked("Asterisk does not run the gateway's dialplan"),
            marked("Load the extensions.conf that tocsin asterisk render writes; tocsin doctor compares versions."),
        ),
    ),
    ("refused", _NOBODY_LISTENS),
    ("errno 111", _NOBODY_LISTENS),  # Linux's number of it: asyncio does not say the word
    (
        "certificate",
        Cause(
            "AMI certificate not trusted",
            marked("the node's certificate does not fit its name, or is signed by nobody trusted"),
            marked("Name the authority that signed it, or have it signed anew for the node's host name."),
        ),
    ),
    (
        "shuts down",
        Cause(
            "Asterisk shuts down",
            marked("Asterisk was stopped"),
            marked("Start it again; calls go on as soon as it is back."),
        ),
    ),
)
_AMI_OTHER = Cause(
    "AMI out of reach",
    marked("the gateway has no working connection to this Asterisk"),
    marked("Start Asterisk, check host and port of the node and the firewall; tocsin doctor looks closer."),
)


def explain_ami(error: str) -> Explanation:
    """Return what an error of the manager interface means, by Asterisk's own words or the system's.

    Nothing was dialled: another node's trunk takes the call, and it is this gateway's operation that needs a hand.
    """
    words = error.lower()
    cause = next((known for mark, known in _AMI_ERRORS if mark in words), _AMI_OTHER)
    return _made(cause.name, cause, CallOutcome.TRUNK_TROUBLE, Handling.OWN_FAULT, Party.GATEWAY)


def _cause_of(end: LegEnd) -> tuple[str, Cause]:
    sip, q850 = end.sip_cause, end.hangup_cause
    if sip is not None and _FIRST_FINAL_FAILURE <= sip <= _LAST_FINAL_FAILURE:
        cause = SIP.get(sip) or SIP_CLASSES[sip // _SIP_CLASS]
        return f"SIP {sip} {cause.name}", cause
    if q850 is not None and 0 < q850 <= _LAST_Q850:
        cause = Q850.get(q850) or Q850_CLASSES[q850 // _Q850_CLASS]
        return f"Q.850 {q850} {cause.name}", cause
    advice = marked("Run tocsin doctor: it tells whether the node, its dialplan and the trunk are well.")
    return "", Cause(
        "", marked("Asterisk did not send the call, or no answer came from the carrier"), advice, ours=True
    )


def _made(name: str, cause: Cause, outcome: CallOutcome, handling: Handling, party: Party) -> Explanation:
    return Explanation(
        cause=name, meaning=cause.meaning, advice=cause.advice, party=party, handling=handling, outcome=outcome
    )
