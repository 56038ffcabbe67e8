"""The engine as a process: one on a database, until it is told to end or breaks."""

import signal
import threading
from datetime import timedelta
from types import FrameType

import structlog

from gateway.app import memory
from gateway.app.bootstrap import prepare_record
from gateway.app.engine import Engine
from gateway.config.schema import Config
from gateway.store.engine_lock import EngineLock

log = structlog.get_logger(__name__)

_LOCK_WAIT = timedelta(seconds=20)


def run_engine(config: Config) -> int:
    """Run the engine until SIGTERM or SIGINT. Returns the exit status.

    Only one engine works on a database: a second one waits a while for the first to end, then gives up.
    """
    prepare_record(config)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    lock = EngineLock(config.database_url)
    if not lock.acquire(_LOCK_WAIT):
        log.error("another_engine_runs", advice="one engine works on a database: stop the other one first")
        return 1
    try:
        memory.collect_young_only()
        engine = Engine(config, on_broken=stop.set)
        engine.start()
        while not stop.wait(1.0):
            if not lock.held():
                log.error("engine_lock_lost", advice="another engine has taken over")
                engine.broken = True
                break
        engine.stop()
    finally:
        lock.release()
    return 1 if engine.broken else 0
