"""How an engine shows that it lives: audits, its word in the record every other second, and a dead man's switch."""

import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime, timedelta

import structlog

from actors.auditor import AuditResult
from actors.timers import Timers
from gateway.app.heartbeat_url import HeartbeatUrl
from gateway.config.schema import EngineConfig
from gateway.ports.clock import Clock
from gateway.ports.heartbeats import LinesState
from gateway.ports.record import Heartbeat, Record, RecordUnavailableError

log = structlog.get_logger(__name__)

_BEAT_EVERY = timedelta(seconds=2)
# So many audits without a result mean that the engine stands still.
_AUDITS_MISSED = 3


class Pulse:
    """Has the engine audited, and says how it is.

    ``audit`` asks for an audit, whose result ``audited`` is told; ``parts`` returns how the engine's other parts are,
    each ``ok`` or what is wrong with it; ``lines`` how the trunks are, ``None`` where that is not known yet.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        record: Record,
        clock: Clock,
        timers: Timers,
        executor: Executor,
        audit: Callable[[], None],
        parts: Callable[[], Mapping[str, str]],
        lines: Callable[[], LinesState | None] = lambda: None,
    ) -> None:
        self._config = config
        self._record = record
        self._clock = clock
        self._timers = timers
        self._executor = executor
        self._ask_for_audit = audit
        self._parts = parts
        self._lines = lines
        self._began_at = clock.now()
        self._last_audit: AuditResult | None = None
        self._closing = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="heartbeat")

    def start(self) -> None:
        """Begin."""
        self._timers.after(self._config.audit_every, self._audit)
        if self._config.heartbeat_url is not None:
            HeartbeatUrl(
                self._config.heartbeat_url,
                every=self._config.heartbeat_every,
                is_well=self._is_well,
                executor=self._executor,
                timers=self._timers,
            ).start()
        self._beating.start()

    def stop(self) -> None:
        """End. The timers and the executor are the engine's."""
        self._closing.set()
        self._beating.join()

    def audited(self, result: AuditResult) -> None:
        """Take note of how an audit went."""
        if not result.well:
            log.warning("audit_not_well", result=str(result))
        self._last_audit = result

    def _audit(self) -> None:
        """Have everything audited, now and every so often."""
        self._ask_for_audit()
        self._timers.after(self._config.audit_every, self._audit)

    def _is_well(self) -> bool:
        """Tell whether the last audit went well, and lately; the dispatcher has answered it then."""
        last = self._last_audit
        return last is not None and last.well and not self._is_old(last.at)

    def _is_old(self, at: datetime) -> bool:
        return self._clock.now() - at > _AUDITS_MISSED * self._config.audit_every

    def _audit_part(self) -> str:
        last = self._last_audit
        if self._is_old(self._began_at if last is None else last.at):
            since = "the engine was started" if last is None else last.at.isoformat(timespec="seconds")
            return f"no audit since {since}"
        return "ok: no audit yet" if last is None else str(last)

    def _beat(self) -> None:
        name = socket.gethostname()
        while True:
            parts, lines = {**self._parts(), "auditor": self._audit_part()}, self._lines()
            try:
                with self._record.write() as work:
                    work.heartbeats.beat(Heartbeat(engine=name, at=self._clock.now(), parts=parts, lines=lines))
                    work.commit()
            except RecordUnavailableError as error:
                log.warning("heartbeat_not_recorded", error=str(error))
            if self._closing.wait(_BEAT_EVERY.total_seconds()):
                return
