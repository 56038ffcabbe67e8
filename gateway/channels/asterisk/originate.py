"""The headers of an Originate, as the dialplan expects them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.channels.asterisk.ami_values import (
    DATABASE_FAMILY,
    channel_id,
    checked_call_id,
)
from gateway.channels.asterisk.identity import identity_headers
from gateway.channels.asterisk.numbers import dialled_number
from gateway.channels.asterisk.wire import Headers
from gateway.config.schema import TrunkConfig
from gateway.ports.phone import CallOrder

# The contexts of extensions.conf.
_CALL_CONTEXT = "tocsin-call"
_ENDED_HANDLER = r"tocsin-ended\,s\,1"


@dataclass(frozen=True, slots=True)
class PublishedSounds:
    """Where the node finds a call's sounds: the announcement without ``.wav``, the prompts' directory.

    ``message_sha256`` is the announcement's SHA-256 in hexadecimal digits.
    """

    message: str
    prompts: str
    message_sha256: str


def originate_headers(
    order: CallOrder, trunk: TrunkConfig, sounds: PublishedSounds, *, action_id: str, now: datetime
) -> Headers:
    """Return the headers. Raises ``UnsafeValueError``.

    The two variables that are functions run when the channel is made, before the INVITE leaves: the note that the leg
    was dialled, and the hangup handler that will note its end. Originate's own ``PreDialGoSub`` would be the place for
    them, but Asterisk 22 ignores it when ``Async`` is true.
    """
    call_id = checked_call_id(order.call_id)
    dialled = f"{now.timestamp():.3f}|{sounds.message_sha256}|{trunk.caller_id or ''}"
    operator = dialled_number(order.handoff_number, trunk) if order.handoff_number else ""
    variables = (
        f"TOCSIN_CALL={call_id}",
        f"TOCSIN_MESSAGE={sounds.message}",
        f"TOCSIN_PROMPTS={sounds.prompts}",
        f"TOCSIN_OPERATOR={operator}",
        f"TOCSIN_TRUNK={trunk.name}",
        f"CHANNEL(hangup_handler_push)={_ENDED_HANDLER}",
        f"DB({DATABASE_FAMILY}/{call_id}/dialled)={dialled}",
    )
    return [
        ("ActionID", action_id),
        ("Channel", f"PJSIP/{dialled_number(order.to_number, trunk)}@{trunk.name}"),
        ("ChannelId", channel_id(call_id)),
        ("Context", _CALL_CONTEXT),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Async", "true"),
        ("Timeout", str(max(round(order.ring_timeout / timedelta(milliseconds=1)), 1))),
        *(("Variable", variable) for variable in variables),
        *identity_headers(trunk),
    ]
