"""What each final SIP status and each Q.850 cause says, in words. Pure tables; ``explain`` puts them to use.

Names of SIP statuses: IANA's registry of Session Initiation Protocol parameters (RFC 3261 and those that followed).
Names of causes: ITU-T Q.850 (05/98), table 1. Which status Asterisk makes which cause of: its
``res_pjsip_session`` and ``chan_pjsip`` (``hangup_sip2cause``).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One status or cause: the standard's name, what it says about a call of ours, and what to do about it.

    ``ours``: where it keeps calls from going out, this gateway's configuration is the first place to look at;
    otherwise the carrier has to be asked.
    """

    name: str
    meaning: str
    advice: str
    ours: bool = False


NOTHING = "Nothing: Tocsin goes on by itself."
_NUMBER = "Correct the contact's phone number; Tocsin calls it no more in this escalation and flags it."
_ASK = "Ask the carrier, with the time, the number and the SIP Call-ID."
_FORMAT = "Compare with the carrier's data sheet in what form numbers and caller ID are wanted."
_CREDENTIALS = "Check username and password of the trunk, and what the carrier wants in From."
_CODECS = "Set codecs, and encryption of the media, to what the carrier's data sheet lists."
_CAPACITY = "Set max_calls and calls_per_second to what was bought, or buy more; have a second trunk."
_UNREACHED = "Check host, port, transport and the firewall; then ask the carrier."
_SIGNING = "Ask the carrier to sign the calls (STIR/SHAKEN) for the caller ID that is shown."

SIP: dict[int, Cause] = {
    300: Cause("Multiple Choices", "the carrier names other places to call; Tocsin follows none", _ASK),
    301: Cause("Moved Permanently", "the carrier points to another server", "Set host to the server it names.", True),
    302: Cause("Moved Temporarily", "the carrier points to another server or number; Tocsin follows none", _ASK),
    305: Cause("Use Proxy", "the carrier wants to be reached through a proxy", "Set host to that proxy.", True),
    380: Cause("Alternative Service", "the carrier offers something else than the call", _ASK),
    400: Cause("Bad Request", "the carrier cannot read the request", f"{_FORMAT} Capture the INVITE.", True),
    401: Cause("Unauthorized", "the carrier does not accept user name and password", _CREDENTIALS, True),
    402: Cause("Payment Required", "the account has no money left", "Pay, or ask the carrier."),
    403: Cause(
        "Forbidden",
        "the carrier refuses us: wrong caller ID or address, a barred destination, or no money left",
        "Check that caller_id is a number of yours, and the address the carrier knows you by; then ask the carrier.",
        True,
    ),
    404: Cause("Not Found", "the number does not exist", _NUMBER),
    405: Cause("Method Not Allowed", "the carrier's server takes no calls there", "Check host and port.", True),
    406: Cause("Not Acceptable", "the carrier accepts nothing of what was offered", _CODECS, True),
    407: Cause(
        "Proxy Authentication Required", "the carrier does not accept user name and password", _CREDENTIALS, True
    ),
    408: Cause("Request Timeout", "no answer in time", _UNREACHED),
    410: Cause("Gone", "the number is no longer in use", _NUMBER),
    412: Cause("Conditional Request Failed", "the carrier's server mistook the call for something else", _ASK),
    413: Cause("Request Entity Too Large", "the request is too large for the carrier", "List fewer codecs.", True),
    414: Cause("Request-URI Too Long", "the dialled address is too long for the carrier", _FORMAT, True),
    415: Cause("Unsupported Media Type", "the carrier does not understand the offer of audio", _CODECS, True),
    416: Cause("Unsupported URI Scheme", "the carrier does not understand the dialled address", _FORMAT, True),
    417: Cause("Unknown Resource-Priority", "the carrier wants a priority that was not sent", _ASK),
    420: Cause("Bad Extension", "the carrier lacks an extension that was asked for", _ASK),
    421: Cause("Extension Required", "the carrier wants an extension that Tocsin does not offer", _ASK),
    422: Cause("Session Interval Too Small", "the carrier wants longer session timers", _ASK),
    423: Cause("Interval Too Brief", "the carrier wants a longer registration", _ASK),
    424: Cause("Bad Location Information", "the carrier wants to know where the call comes from", _ASK),
    425: Cause("Too Early", "the carrier wants the request once more, later", _ASK),
    428: Cause("Use Identity Header", "the call must be signed", _SIGNING),
    429: Cause("Provide Referrer Identity", "the carrier wants to know who transferred the call", _ASK),
    430: Cause("Flow Failed", "the carrier lost a connection of its own", _ASK),
    433: Cause("Anonymity Disallowed", "the callee takes no calls without a caller ID", "Set caller_id.", True),
    436: Cause("Bad Identity Info", "the call's signature could not be checked", _SIGNING),
    437: Cause("Unsupported Credential", "the call's signature could not be checked", _SIGNING),
    438: Cause("Invalid Identity Header", "the call's signature is wrong", _SIGNING),
    439: Cause("First Hop Lacks Outbound Support", "the carrier's proxies do not fit each other", _ASK),
    440: Cause("Max-Breadth Exceeded", "the call was forked too often on its way", _ASK),
    469: Cause(
        "Bad Info Package", "the carrier does not understand an INFO request", "Set dtmf_mode to rfc4733.", True
    ),
    470: Cause("Consent Needed", "the callee has not agreed to be called this way", _ASK),
    480: Cause("Temporarily Unavailable", "the phone is off, out of coverage, or was not answered", NOTHING),
    481: Cause("Call/Transaction Does Not Exist", "the carrier has lost the call", _ASK),
    482: Cause("Loop Detected", "the call ran in a circle", "Check that host is the carrier, not this server.", True),
    483: Cause("Too Many Hops", "the call ran in a circle in the carrier's network", _ASK),
    484: Cause("Address Incomplete", "the number is too short", f"{_NUMBER} If all numbers fail so: {_FORMAT}"),
    485: Cause("Ambiguous", "the number may be more than one person's", _FORMAT, True),
    486: Cause("Busy Here", "the callee is on the phone, or pressed decline", NOTHING),
    487: Cause("Request Terminated", "the call was ended before an answer", NOTHING),
    488: Cause("Not Acceptable Here", "no codec, or no kind of encryption, in common with the carrier", _CODECS, True),
    489: Cause("Bad Event", "the carrier does not understand a subscription", _ASK),
    491: Cause("Request Pending", "two changes of one call met", _ASK),
    493: Cause("Undecipherable", "the carrier cannot decrypt the request", "Check transport and encryption.", True),
    494: Cause(
        "Security Agreement Required", "the carrier wants another kind of security", "Use TLS, as its sheet says.", True
    ),
    500: Cause("Server Internal Error", "the carrier's server is broken", _ASK),
    501: Cause("Not Implemented", "the carrier's server cannot do this", _ASK),
    502: Cause("Bad Gateway", "a network behind the carrier is broken", _ASK),
    503: Cause(
        "Service Unavailable", "the carrier is overloaded or down, or all bought channels are in use", _CAPACITY
    ),
    504: Cause("Server Time-out", "a network behind the carrier did not answer", _ASK),
    505: Cause("Version Not Supported", "the carrier's server does not speak this SIP", "Check host and port.", True),
    513: Cause("Message Too Large", "the request is too large for the carrier", "List fewer codecs, or use TCP.", True),
    555: Cause("Push Notification Service Not Supported", "the carrier's server mistook the call", _ASK),
    580: Cause("Precondition Failure", "the carrier could not set aside what the call needs", _ASK),
    600: Cause("Busy Everywhere", "the callee is on the phone", NOTHING),
    603: Cause(
        "Decline",
        "the callee declined, or a network took the call for spam",
        "Nothing, unless most calls end so: then have the caller ID registered with the carrier.",
    ),
    604: Cause("Does Not Exist Anywhere", "the number does not exist", _NUMBER),
    606: Cause("Not Acceptable", "no codec, or no kind of encryption, in common", _CODECS, True),
    607: Cause("Unwanted", "the callee has blocked the number that is shown", "Tell the callee which number calls."),
    608: Cause("Rejected", "a network took the call for spam", "Have the caller ID registered; ask the carrier."),
}
SIP_CLASSES: dict[int, Cause] = {
    3: Cause("redirection", "the carrier points elsewhere; Tocsin does not follow", _ASK),
    4: Cause("request failure", "the carrier does not accept the request", f"{_FORMAT} Capture the INVITE.", True),
    5: Cause("server failure", "the carrier cannot carry the call", _ASK),
    6: Cause("global failure", "nobody can carry the call", _ASK),
}

Q850: dict[int, Cause] = {
    1: Cause("unallocated number", "the number does not exist", _NUMBER),
    2: Cause("no route to specified transit network", "the carrier cannot reach that network", _ASK),
    3: Cause("no route to destination", "the carrier cannot reach that destination", _ASK),
    4: Cause("send special information tone", "the destination cannot be reached for good", _ASK),
    5: Cause("misdialled trunk prefix", "the number's prefix is wrong", _FORMAT, True),
    6: Cause("channel unacceptable", "the carrier's exchange refused the line", _ASK),
    7: Cause("call awarded, being delivered in an established channel", "the carrier used another line", _ASK),
    8: Cause("preemption", "a call of higher rank took the line", _ASK),
    9: Cause("preemption, circuit reserved", "a call of higher rank took the line", _ASK),
    14: Cause("query on release: ported number", "the number has moved to another network", _ASK),
    16: Cause("normal call clearing", "the call was ended before an answer", NOTHING),
    17: Cause("user busy", "the callee is on the phone", NOTHING),
    18: Cause("no user responding", "no answer in time", _UNREACHED),
    19: Cause("no answer from user", "no answer in time", _UNREACHED),
    20: Cause("subscriber absent", "the phone is off or out of coverage", NOTHING),
    21: Cause("call rejected", "the callee declined", NOTHING),
    22: Cause("number changed", "the number is no longer in use", _NUMBER),
    23: Cause("redirection to new destination", "the call was to go to another number", _ASK),
    24: Cause(
        "call rejected due to feature at the destination",
        "a service of the callee refuses the call",
        "Set caller_id: calls without one may be refused.",
        True,
    ),
    25: Cause("exchange routing error", "the call ran in a circle in the carrier's network", _ASK),
    26: Cause("non-selected user clearing", "the call was answered elsewhere", NOTHING),
    27: Cause("destination out of order", "the network behind the carrier is broken", _ASK),
    28: Cause(
        "invalid number format", "the number is too short or malformed", f"{_NUMBER} If all numbers fail so: {_FORMAT}"
    ),
    29: Cause("facility rejected", "the carrier cannot do this", _ASK),
    30: Cause("response to STATUS ENQUIRY", "the carrier's exchange asked where the call stands", _ASK),
    31: Cause("normal, unspecified", "the call was ended before an answer", NOTHING),
    34: Cause(
        "no circuit or channel available", "all lines of the carrier, or all bought channels, are in use", _CAPACITY
    ),
    38: Cause("network out of order", "the carrier's network is broken", _ASK),
    39: Cause("permanent frame mode connection out of service", "the carrier's network is broken", _ASK),
    40: Cause("permanent frame mode connection operational", "the carrier's network reports a change of its own", _ASK),
    41: Cause("temporary failure", "the carrier's network failed for a moment", _ASK),
    42: Cause("switching equipment congestion", "the carrier is overloaded", _CAPACITY),
    43: Cause("access information discarded", "the carrier's network lost part of the request", _ASK),
    44: Cause("requested circuit or channel not available", "the line is in use", _CAPACITY),
    46: Cause("precedence call blocked", "calls of higher rank have all lines", _ASK),
    47: Cause("resource unavailable", "the carrier is overloaded", _CAPACITY),
    49: Cause("quality of service not available", "the carrier cannot give the quality asked for", _ASK),
    50: Cause("requested facility not subscribed", "this was not bought from the carrier", _ASK),
    53: Cause("outgoing calls barred within closed user group", "the carrier bars these calls", _ASK),
    55: Cause("incoming calls barred within closed user group", "the callee's group takes no such calls", _ASK),
    57: Cause("bearer capability not authorized", "the carrier does not permit this kind of call", _ASK),
    58: Cause("bearer capability not presently available", "no codec in common with the carrier", _CODECS, True),
    62: Cause("inconsistency in access information", "the carrier's records of the account do not fit", _ASK),
    63: Cause("service or option not available", "the carrier cannot do this", _ASK),
    65: Cause("bearer capability not implemented", "no codec in common with the carrier", _CODECS, True),
    66: Cause("channel type not implemented", "the carrier cannot do this", _ASK),
    69: Cause("requested facility not implemented", "the carrier cannot do this", _ASK),
    70: Cause("only restricted digital information available", "no codec in common with the carrier", _CODECS, True),
    79: Cause("service or option not implemented", "the carrier cannot do this", _ASK),
    81: Cause("invalid call reference value", "the carrier has lost the call", _ASK),
    82: Cause("identified channel does not exist", "the carrier has lost the line", _ASK),
    83: Cause("suspended call exists, but this call identity does not", "the carrier has lost the call", _ASK),
    84: Cause("call identity in use", "the carrier mistook the call for another", _ASK),
    85: Cause("no call suspended", "the carrier has lost the call", _ASK),
    86: Cause("call with the requested identity has been cleared", "the carrier has lost the call", _ASK),
    87: Cause("user not member of closed user group", "the callee's group takes no such calls", _ASK),
    88: Cause("incompatible destination", "the number takes no voice calls, or no codec is in common", _CODECS, True),
    90: Cause("non-existent closed user group", "the carrier's records of the account do not fit", _ASK),
    91: Cause("invalid transit network selection", "the carrier cannot reach that network", _ASK),
    95: Cause("invalid message, unspecified", "the carrier cannot read the request", _ASK),
    96: Cause("mandatory information element is missing", "the carrier cannot read the request", _ASK),
    97: Cause("message type non-existent or not implemented", "the carrier cannot read the request", _ASK),
    98: Cause("message not compatible with call state", "the carrier has lost track of the call", _ASK),
    99: Cause("information element non-existent", "the carrier cannot read the request", _ASK),
    100: Cause(
        "invalid information element contents", "the carrier cannot read the request", f"{_FORMAT} Capture it.", True
    ),
    101: Cause("message not compatible with call state", "the carrier has lost track of the call", _ASK),
    102: Cause("recovery on timer expiry", "no answer in time", _UNREACHED),
    103: Cause("parameter non-existent, passed on", "the carrier cannot read the request", _ASK),
    110: Cause("message with unrecognized parameter, discarded", "the carrier cannot read the request", _ASK),
    111: Cause("protocol error, unspecified", "the carrier cannot read the request", _ASK),
    127: Cause("interworking, unspecified", "a network on the way does not say what failed", _ASK),
}
# Q.850, 2.2.5: the first of the five digits of a cause is its class.
Q850_CLASSES: dict[int, Cause] = {
    0: Cause("normal event", "the network ended the call", _ASK),
    1: Cause("normal event", "the network ended the call", _ASK),
    2: Cause("resource unavailable", "the carrier is overloaded", _CAPACITY),
    3: Cause("service or option not available", "the carrier cannot do this", _ASK),
    4: Cause("service or option not implemented", "the carrier cannot do this", _ASK),
    5: Cause("invalid message", "the carrier cannot read the request", _ASK),
    6: Cause("protocol error", "the carrier cannot read the request", _ASK),
    7: Cause("interworking", "a network on the way does not say what failed", _ASK),
}
