"""Deleting what a node keeps of legs whose end is in the record."""

import structlog

from gateway.channels.asterisk.adoption import erase_record
from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.book import CallMemory
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.tasks import Tasks
from gateway.channels.asterisk.wire import NO_RESULT

log = structlog.get_logger(__name__)


class Forgetting:
    """Forgets legs one after the other, so that calls are not kept waiting; those of a gap after the reconnect."""

    def __init__(self, *, connection: AMIConnection, tasks: Tasks) -> None:
        self._connection = connection
        self._tasks = tasks
        self._due = CallMemory()
        self._busy = False

    def add(self, call_id: str) -> None:
        """Forget a leg, now or when the node is connected."""
        self._due.add(call_id)
        self.go_on()

    def go_on(self) -> None:
        """Forget what is due, if the node is connected."""
        if self._due and not self._busy and self._connection.is_up:
            self._busy = True
            self._tasks.start(self._forget())

    async def _forget(self) -> None:
        try:
            while self._due and self._connection.is_up:
                call_id = next(iter(self._due))
                try:
                    await erase_record(self._connection, call_id)
                except UnsafeValueError:
                    log.warning("call_not_forgotten", reason="what was given is no call's id")
                self._due.take(call_id)
        except NO_RESULT as error:
            log.warning("forgetting_postponed", legs=len(self._due), reason=str(error))
        finally:
            self._busy = False
