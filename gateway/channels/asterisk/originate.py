"""The headers of an Originate, as the dialplan expects them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.channels.asterisk.ami_values import (
    DATABASE_FAMILY,
    UnsafeValueError,
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
# Through so many trunks the dialplan tries to reach the operator.
OPERATOR_WAYS = 3
_ENDED_HANDLER = r"tocsin-ended\,s\,1"


@dataclass(frozen=True, slots=True)
class PublishedSounds:
    """Where the node finds a call's sounds: the announcement without ``.wav``, the prompts' directory, the whisper.

    ``message_sha256`` is the announcement's SHA-256 in hexadecimal digits, ``wide`` whether it is there at 16 kHz as
    well. Where a sound could not be laid out its name is empty, and the dialplan plays tones.
    """

    message: str
    prompts: str
    message_sha256: str
    whisper: str = ""
    wide: bool = False


def originate_headers(
    order: CallOrder,
    trunk: TrunkConfig,
    sounds: PublishedSounds,
    *,
    action_id: str,
    now: datetime,
    others: Iterable[TrunkConfig] = (),
) -> Headers:
    """Return the headers. Raises ``UnsafeValueError``. ``others`` are the node's other trunks, for the operator.

    The two variables that are functions run when the channel is made, before the INVITE leaves: the note that the leg
    was dialled, and the hangup handler that will note its end. Originate's own ``PreDialGoSub`` would be the place for
    them, but Asterisk 22 ignores it when ``Async`` is true.
    """
    call_id = checked_call_id(order.call_id)
    dialled = f"{now.timestamp():.3f}|{sounds.message_sha256}|{trunk.caller_id or ''}"
    variables = (
        f"TOCSIN_CALL={call_id}",
        f"TOCSIN_MESSAGE={sounds.message}",
        f"TOCSIN_WIDE={1 if sounds.wide else ''}",
        f"TOCSIN_PROMPTS={sounds.prompts}",
        f"TOCSIN_PIN={1 if order.pin_wanted else ''}",
        f"TOCSIN_MACHINE={order.machine.value}",
        f"TOCSIN_WHISPER={sounds.whisper}",
        *_operator_variables(order.handoff_number, trunk, others),
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


def _operator_variables(number: str | None, trunk: TrunkConfig, others: Iterable[TrunkConfig]) -> Iterator[str]:
    """Return the ways to the operator: by the call's own trunk, and by others where that one is in trouble."""
    yield f"TOCSIN_TRUNK={trunk.name}"
    yield f"TOCSIN_OPERATOR={dialled_number(number, trunk) if number else ''}"
    way = 1
    for other in others if number else ():
        try:
            dialled = dialled_number(number or "", other)
        except UnsafeValueError:
            # This carrier has no form for the number.
            continue
        way += 1
        if way > OPERATOR_WAYS:
            return
        yield f"TOCSIN_TRUNK_{way}={other.name}"
        yield f"TOCSIN_OPERATOR_{way}={dialled}"
