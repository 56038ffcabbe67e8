"""What Asterisk knows of the way to each trunk's carrier: whether it answers, and whether it has registered us."""

from collections.abc import Callable, Sequence

import structlog

from gateway.channels.asterisk.ami_events import ContactSeen, RegistrySeen
from gateway.channels.asterisk.ami_values import UnsafeValueError, text
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.tasks import Tasks
from gateway.channels.asterisk.wire import NO_RESULT
from gateway.config.schema import TrunkConfig
from gateway.ports.phone import TrunkReported

log = structlog.get_logger(__name__)

# Asterisk, AMI event ContactStatus. Of other states nothing is known yet, or the carrier is not asked.
_REACHABLE = {"reachable": True, "unreachable": False}
# The function DEVICE_STATE of an endpoint all of whose contacts are unreachable.
_UNAVAILABLE = "UNAVAILABLE"
_REGISTERED = {"registered": True, "unregistered": False, "rejected": False}

TrunkListener = Callable[[TrunkReported], None]


class TrunkStates:
    """Tells the listener how a node's trunks are, when it is connected and whenever that changes. On the loop's thread.

    Least privileges: neither needs the class ``system`` for actions, with which one could run programs.
    """

    def __init__(
        self, *, connection: AMIConnection, tasks: Tasks, trunks: Sequence[TrunkConfig], listener: TrunkListener
    ) -> None:
        self._connection = connection
        self._tasks = tasks
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._listener = listener

    def ask(self) -> None:
        """Ask about all trunks: what happened before the connection was made was not told."""
        self._tasks.start(self._ask())

    def seen(self, event: ContactSeen | RegistrySeen) -> None:
        """Take an event."""
        if isinstance(event, RegistrySeen):
            # It names addresses, and the list names trunks.
            self._tasks.start(self._ask_registrations())
        elif event.trunk in self._trunks and event.status in _REACHABLE:
            self._tell(TrunkReported(trunk=event.trunk, reachable=_REACHABLE[event.status]))

    async def _ask(self) -> None:
        try:
            for name in self._trunks:
                answer = await self._connection.act("Getvar", [("Variable", f"DEVICE_STATE(PJSIP/{name})")])
                if answer.success:
                    self._tell(TrunkReported(trunk=name, reachable=answer.value != _UNAVAILABLE))
        except (*NO_RESULT, UnsafeValueError) as error:
            log.info("trunk_states_unknown", reason=str(error))
            return
        await self._ask_registrations()

    async def _ask_registrations(self) -> None:
        if not any(trunk.username and trunk.register_ for trunk in self._trunks.values()):
            return
        try:
            answer = await self._connection.list("PJSIPShowRegistrationsOutbound")
        except NO_RESULT as error:
            log.info("registrations_unknown", reason=str(error))
            return
        for item in answer.items:
            name, status = text(item, "ObjectName"), text(item, "Status").lower()
            if name in self._trunks and status in _REGISTERED:
                self._tell(TrunkReported(trunk=name, registered=_REGISTERED[status]))

    def _tell(self, report: TrunkReported) -> None:
        try:
            self._listener(report)
        except Exception:
            log.exception("trunk_listener_failed", trunk=report.trunk)
