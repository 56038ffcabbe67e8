"""What each final SIP status and each Q.850 cause says, in words. Pure tables; ``explain`` puts them to use.

Names of SIP statuses: IANA's registry of Session Initiation Protocol parameters (RFC 3261 and those that followed).
Names of causes: ITU-T Q.850 (05/98), table 1. Which status Asterisk makes which cause of: its
``res_pjsip_session`` and ``chan_pjsip`` (``hangup_sip2cause``).
"""

from dataclasses import dataclass

from gateway.wording.catalogues import marked


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


NOTHING = marked("Nothing: Tocsin goes on by itself.")
_NUMBER = marked("Correct the contact's phone number; Tocsin calls it no more in this escalation and flags it.")
_ASK = marked("Ask the carrier, with the time, the number and the SIP Call-ID.")
_FORMAT = marked("Compare with the carrier's data sheet in what form numbers and caller ID are wanted.")
_CREDENTIALS = marked("Check username and password of the trunk, and what the carrier wants in From.")
_CODECS = marked("Set codecs, and encryption of the media, to what the carrier's data sheet lists.")
_CAPACITY = marked("Set max_calls and calls_per_second to what was bought, or buy more; have a second trunk.")
_UNREACHED = marked("Check host, port, transport and the firewall; then ask the carrier.")
_SIGNING = marked("Ask the carrier to sign the calls (STIR/SHAKEN) for the caller ID that is shown.")
_FORMAT_OR_CAPTURE = marked(
    "Compare with the carrier's data sheet in what form numbers and caller ID are wanted. Capture the INVITE."
)
_NUMBER_OR_FORMAT = marked(
    "Correct the contact's phone number; Tocsin calls it no more in this escalation and flags it. If all numbers fail "
    "so: Compare with the carrier's data sheet in what form numbers and caller ID are wanted."
)

SIP: dict[int, Cause] = {
    300: Cause("Multiple Choices", marked("the carrier names other places to call; Tocsin follows none"), _ASK),
    301: Cause(
        "Moved Permanently",
        marked("the carrier points to another server"),
        marked("Set host to the server it names."),
        True,
    ),
    302: Cause(
        "Moved Temporarily", marked("the carrier points to another server or number; Tocsin follows none"), _ASK
    ),
    305: Cause(
        "Use Proxy", marked("the carrier wants to be reached through a proxy"), marked("Set host to that proxy."), True
    ),
    380: Cause("Alternative Service", marked("the carrier offers something else than the call"), _ASK),
    400: Cause("Bad Request", marked("the carrier cannot read the request"), _FORMAT_OR_CAPTURE, True),
    401: Cause("Unauthorized", marked("the carrier does not accept user name and password"), _CREDENTIALS, True),
    402: Cause("Payment Required", marked("the account has no money left"), marked("Pay, or ask the carrier.")),
    403: Cause(
        "Forbidden",
        marked("the carrier refuses us: wrong caller ID or address, a barred destination, or no money left"),
        marked(
            "Check that caller_id is a number of yours, and the address the carrier knows you by; then ask the carrier."
        ),
        True,
    ),
    404: Cause("Not Found", marked("the number does not exist"), _NUMBER),
    405: Cause(
        "Method Not Allowed", marked("the carrier's server takes no calls there"), marked("Check host and port."), True
    ),
    406: Cause("Not Acceptable", marked("the carrier accepts nothing of what was offered"), _CODECS, True),
    407: Cause(
        "Proxy Authentication Required",
        marked("the carrier does not accept user name and password"),
        _CREDENTIALS,
        True,
    ),
    408: Cause("Request Timeout", marked("no answer in time"), _UNREACHED),
    410: Cause("Gone", marked("the number is no longer in use"), _NUMBER),
    412: Cause("Conditional Request Failed", marked("the carrier's server mistook the call for something else"), _ASK),
    413: Cause(
        "Request Entity Too Large",
        marked("the request is too large for the carrier"),
        marked("List fewer codecs."),
        True,
    ),
    414: Cause("Request-URI Too Long", marked("the dialled address is too long for the carrier"), _FORMAT, True),
    415: Cause("Unsupported Media Type", marked("the carrier does not understand the offer of audio"), _CODECS, True),
    416: Cause("Unsupported URI Scheme", marked("the carrier does not understand the dialled address"), _FORMAT, True),
    417: Cause("Unknown Resource-Priority", marked("the carrier wants a priority that was not sent"), _ASK),
    420: Cause("Bad Extension", marked("the carrier lacks an extension that was asked for"), _ASK),
    421: Cause("Extension Required", marked("the carrier wants an extension that Tocsin does not offer"), _ASK),
    422: Cause("Session Interval Too Small", marked("the carrier wants longer session timers"), _ASK),
    423: Cause("Interval Too Brief", marked("the carrier wants a longer registration"), _ASK),
    424: Cause("Bad Location Information", marked("the carrier wants to know where the call comes from"), _ASK),
    425: Cause("Too Early", marked("the carrier wants the request once more, later"), _ASK),
    428: Cause("Use Identity Header", marked("the call must be signed"), _SIGNING),
    429: Cause("Provide Referrer Identity", marked("the carrier wants to know who transferred the call"), _ASK),
    430: Cause("Flow Failed", marked("the carrier lost a connection of its own"), _ASK),
    433: Cause(
        "Anonymity Disallowed", marked("the callee takes no calls without a caller ID"), marked("Set caller_id."), True
    ),
    436: Cause("Bad Identity Info", marked("the call's signature could not be checked"), _SIGNING),
    437: Cause("Unsupported Credential", marked("the call's signature could not be checked"), _SIGNING),
    438: Cause("Invalid Identity Header", marked("the call's signature is wrong"), _SIGNING),
    439: Cause("First Hop Lacks Outbound Support", marked("the carrier's proxies do not fit each other"), _ASK),
    440: Cause("Max-Breadth Exceeded", marked("the call was forked too often on its way"), _ASK),
    469: Cause(
        "Bad Info Package",
        marked("the carrier does not understand an INFO request"),
        marked("Set dtmf_mode to rfc4733."),
        True,
    ),
    470: Cause("Consent Needed", marked("the callee has not agreed to be called this way"), _ASK),
    480: Cause("Temporarily Unavailable", marked("the phone is off, out of coverage, or was not answered"), NOTHING),
    481: Cause("Call/Transaction Does Not Exist", marked("the carrier has lost the call"), _ASK),
    482: Cause(
        "Loop Detected",
        marked("the call ran in a circle"),
        marked("Check that host is the carrier, not this server."),
        True,
    ),
    483: Cause("Too Many Hops", marked("the call ran in a circle in the carrier's network"), _ASK),
    484: Cause("Address Incomplete", marked("the number is too short"), _NUMBER_OR_FORMAT),
    485: Cause("Ambiguous", marked("the number may be more than one person's"), _FORMAT, True),
    486: Cause("Busy Here", marked("the callee is on the phone, or pressed decline"), NOTHING),
    487: Cause("Request Terminated", marked("the call was ended before an answer"), NOTHING),
    488: Cause(
        "Not Acceptable Here", marked("no codec, or no kind of encryption, in common with the carrier"), _CODECS, True
    ),
    489: Cause("Bad Event", marked("the carrier does not understand a subscription"), _ASK),
    491: Cause("Request Pending", marked("two changes of one call met"), _ASK),
    493: Cause(
        "Undecipherable",
        marked("the carrier cannot decrypt the request"),
        marked("Check transport and encryption."),
        True,
    ),
    494: Cause(
        "Security Agreement Required",
        marked("the carrier wants another kind of security"),
        marked("Use TLS, as its sheet says."),
        True,
    ),
    500: Cause("Server Internal Error", marked("the carrier's server is broken"), _ASK),
    501: Cause("Not Implemented", marked("the carrier's server cannot do this"), _ASK),
    502: Cause("Bad Gateway", marked("a network behind the carrier is broken"), _ASK),
    503: Cause(
        "Service Unavailable", marked("the carrier is overloaded or down, or all bought channels are in use"), _CAPACITY
    ),
    504: Cause("Server Time-out", marked("a network behind the carrier did not answer"), _ASK),
    505: Cause(
        "Version Not Supported",
        marked("the carrier's server does not speak this SIP"),
        marked("Check host and port."),
        True,
    ),
    513: Cause(
        "Message Too Large",
        marked("the request is too large for the carrier"),
        marked("List fewer codecs, or use TCP."),
        True,
    ),
    555: Cause("Push Notification Service Not Supported", marked("the carrier's server mistook the call"), _ASK),
    580: Cause("Precondition Failure", marked("the carrier could not set aside what the call needs"), _ASK),
    600: Cause("Busy Everywhere", marked("the callee is on the phone"), NOTHING),
    603: Cause(
        "Decline",
        marked("the callee declined, or a network took the call for spam"),
        marked("Nothing, unless most calls end so: then have the caller ID registered with the carrier."),
    ),
    604: Cause("Does Not Exist Anywhere", marked("the number does not exist"), _NUMBER),
    606: Cause("Not Acceptable", marked("no codec, or no kind of encryption, in common"), _CODECS, True),
    607: Cause(
        "Unwanted",
        marked("the callee has blocked the number that is shown"),
        marked("Tell the callee which number calls."),
    ),
    608: Cause(
        "Rejected",
        marked("a network took the call for spam"),
        marked("Have the caller ID registered; ask the carrier."),
    ),
}
SIP_CLASSES: dict[int, Cause] = {
    3: Cause("redirection", marked("the carrier points elsewhere; Tocsin does not follow"), _ASK),
    4: Cause("request failure", marked("the carrier does not accept the request"), _FORMAT_OR_CAPTURE, True),
    5: Cause("server failure", marked("the carrier cannot carry the call"), _ASK),
    6: Cause("global failure", marked("nobody can carry the call"), _ASK),
}

Q850: dict[int, Cause] = {
    1: Cause("unallocated number", marked("the number does not exist"), _NUMBER),
    2: Cause("no route to specified transit network", marked("the carrier cannot reach that network"), _ASK),
    3: Cause("no route to destination", marked("the carrier cannot reach that destination"), _ASK),
    4: Cause("send special information tone", marked("the destination cannot be reached for good"), _ASK),
    5: Cause("misdialled trunk prefix", marked("the number's prefix is wrong"), _FORMAT, True),
    6: Cause("channel unacceptable", marked("the carrier's exchange refused the line"), _ASK),
    7: Cause("call awarded, being delivered in an established channel", marked("the carrier used another line"), _ASK),
    8: Cause("preemption", marked("a call of higher rank took the line"), _ASK),
    9: Cause("preemption, circuit reserved", marked("a call of higher rank took the line"), _ASK),
    14: Cause("query on release: ported number", marked("the number has moved to another network"), _ASK),
    16: Cause("normal call clearing", marked("the call was ended before an answer"), NOTHING),
    17: Cause("user busy", marked("the callee is on the phone"), NOTHING),
    18: Cause("no user responding", marked("no answer in time"), _UNREACHED),
    19: Cause("no answer from user", marked("no answer in time"), _UNREACHED),
    20: Cause("subscriber absent", marked("the phone is off or out of coverage"), NOTHING),
    21: Cause("call rejected", marked("the callee declined"), NOTHING),
    22: Cause("number changed", marked("the number is no longer in use"), _NUMBER),
    23: Cause("redirection to new destination", marked("the call was to go to another number"), _ASK),
    24: Cause(
        "call rejected due to feature at the destination",
        marked("a service of the callee refuses the call"),
        marked("Set caller_id: calls without one may be refused."),
        True,
    ),
    25: Cause("exchange routing error", marked("the call ran in a circle in the carrier's network"), _ASK),
    26: Cause("non-selected user clearing", marked("the call was answered elsewhere"), NOTHING),
    27: Cause("destination out of order", marked("the network behind the carrier is broken"), _ASK),
    28: Cause(
        "invalid number format",
        marked("the number is too short or malformed"),
        _NUMBER_OR_FORMAT,
    ),
    29: Cause("facility rejected", marked("the carrier cannot do this"), _ASK),
    30: Cause("response to STATUS ENQUIRY", marked("the carrier's exchange asked where the call stands"), _ASK),
    31: Cause("normal, unspecified", marked("the call was ended before an answer"), NOTHING),
    34: Cause(
        "no circuit or channel available",
        marked("all lines of the carrier, or all bought channels, are in use"),
        _CAPACITY,
    ),
    38: Cause("network out of order", marked("the carrier's network is broken"), _ASK),
    39: Cause("permanent frame mode connection out of service", marked("the carrier's network is broken"), _ASK),
    40: Cause(
        "permanent frame mode connection operational", marked("the carrier's network reports a change of its own"), _ASK
    ),
    41: Cause("temporary failure", marked("the carrier's network failed for a moment"), _ASK),
    42: Cause("switching equipment congestion", marked("the carrier is overloaded"), _CAPACITY),
    43: Cause("access information discarded", marked("the carrier's network lost part of the request"), _ASK),
    44: Cause("requested circuit or channel not available", marked("the line is in use"), _CAPACITY),
    46: Cause("precedence call blocked", marked("calls of higher rank have all lines"), _ASK),
    47: Cause("resource unavailable", marked("the carrier is overloaded"), _CAPACITY),
    49: Cause("quality of service not available", marked("the carrier cannot give the quality asked for"), _ASK),
    50: Cause("requested facility not subscribed", marked("this was not bought from the carrier"), _ASK),
    53: Cause("outgoing calls barred within closed user group", marked("the carrier bars these calls"), _ASK),
    55: Cause("incoming calls barred within closed user group", marked("the callee's group takes no such calls"), _ASK),
    57: Cause("bearer capability not authorized", marked("the carrier does not permit this kind of call"), _ASK),
    58: Cause(
        "bearer capability not presently available", marked("no codec in common with the carrier"), _CODECS, True
    ),
    62: Cause("inconsistency in access information", marked("the carrier's records of the account do not fit"), _ASK),
    63: Cause("service or option not available", marked("the carrier cannot do this"), _ASK),
    65: Cause("bearer capability not implemented", marked("no codec in common with the carrier"), _CODECS, True),
    66: Cause("channel type not implemented", marked("the carrier cannot do this"), _ASK),
    69: Cause("requested facility not implemented", marked("the carrier cannot do this"), _ASK),
    70: Cause(
        "only restricted digital information available", marked("no codec in common with the carrier"), _CODECS, True
    ),
    79: Cause("service or option not implemented", marked("the carrier cannot do this"), _ASK),
    81: Cause("invalid call reference value", marked("the carrier has lost the call"), _ASK),
    82: Cause("identified channel does not exist", marked("the carrier has lost the line"), _ASK),
    83: Cause("suspended call exists, but this call identity does not", marked("the carrier has lost the call"), _ASK),
    84: Cause("call identity in use", marked("the carrier mistook the call for another"), _ASK),
    85: Cause("no call suspended", marked("the carrier has lost the call"), _ASK),
    86: Cause("call with the requested identity has been cleared", marked("the carrier has lost the call"), _ASK),
    87: Cause("user not member of closed user group", marked("the callee's group takes no such calls"), _ASK),
    88: Cause(
        "incompatible destination", marked("the number takes no voice calls, or no codec is in common"), _CODECS, True
    ),
    90: Cause("non-existent closed user group", marked("the carrier's records of the account do not fit"), _ASK),
    91: Cause("invalid transit network selection", marked("the carrier cannot reach that network"), _ASK),
    95: Cause("invalid message, unspecified", marked("the carrier cannot read the request"), _ASK),
    96: Cause("mandatory information element is missing", marked("the carrier cannot read the request"), _ASK),
    97: Cause("message type non-existent or not implemented", marked("the carrier cannot read the request"), _ASK),
    98: Cause("message not compatible with call state", marked("the carrier has lost track of the call"), _ASK),
    99: Cause("information element non-existent", marked("the carrier cannot read the request"), _ASK),
    100: Cause(
        "invalid information element contents",
        marked("the carrier cannot read the request"),
        _FORMAT_OR_CAPTURE,
        True,
    ),
    101: Cause("message not compatible with call state", marked("the carrier has lost track of the call"), _ASK),
    102: Cause("recovery on timer expiry", marked("no answer in time"), _UNREACHED),
    103: Cause("parameter non-existent, passed on", marked("the carrier cannot read the request"), _ASK),
    110: Cause("message with unrecognized parameter, discarded", marked("the carrier cannot read the request"), _ASK),
    111: Cause("protocol error, unspecified", marked("the carrier cannot read the request"), _ASK),
    127: Cause("interworking, unspecified", marked("a network on the way does not say what failed"), _ASK),
}
# Q.850, 2.2.5: the first of the five digits of a cause is its class.
Q850_CLASSES: dict[int, Cause] = {
    0: Cause("normal event", marked("the network ended the call"), _ASK),
    1: Cause("normal event", marked("the network ended the call"), _ASK),
    2: Cause("resource unavailable", marked("the carrier is overloaded"), _CAPACITY),
    3: Cause("service or option not available", marked("the carrier cannot do this"), _ASK),
    4: Cause("service or option not implemented", marked("the carrier cannot do this"), _ASK),
    5: Cause("invalid message", marked("the carrier cannot read the request"), _ASK),
    6: Cause("protocol error", marked("the carrier cannot read the request"), _ASK),
    7: Cause("interworking", marked("a network on the way does not say what failed"), _ASK),
}
