"""Who calls, as an Originate tells it to Asterisk.

From is the endpoint's own (``from_user`` of pjsip.conf). What is given here is the channel's identity, which
P-Asserted-Identity (RFC 3325) says where the trunk sends it.
"""

from gateway.channels.asterisk.numbers import shown_number
from gateway.channels.asterisk.wire import Headers
from gateway.config.asterisk import TrunkConfig


def identity_headers(trunk: TrunkConfig) -> Headers:
    """Return the headers of an Originate on that trunk that tell who calls."""
    number = trunk.asserted_number or trunk.caller_id
    if number is None:
        return []
    shown = shown_number(number, trunk)
    if not trunk.privacy:
        return [("CallerID", shown)]
    # With a presentation that is prohibited, Asterisk asks for privacy (RFC 3323). The header CallerID would take that
    # back. The connected line is who the callee is told of; the caller ID becomes the same for the leg to the operator.
    return [
        ("Variable", f"{function}({datum})={value}")
        for function in ("CONNECTEDLINE", "CALLERID")
        for datum, value in (("num", shown), ("num-pres", "prohib"))
    ]
