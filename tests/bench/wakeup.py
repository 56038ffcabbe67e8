"""From the answer to a post until another connection sees that the engine has begun the escalation."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

from gateway.store.wakeup import make_wakeup, make_wakeup_listener
from tests.bench.database import bare_query, databases
from tests.bench.plan import Plan
from tests.bench.results import Result, median_and_worst
from tests.gateway import Gateway
from tests.waiting import until

_TARGET = 250.0  # milliseconds, median
_WARM_UP = 3


def measure(plan: Plan) -> Iterator[Result]:
    """Post alerts one by one to a whole gateway on each database."""
    count = plan.count(100)
    with databases(plan.directory) as each:
        for database in each:
            times: list[float] = []
            gateway = Gateway(plan.directory / f"wakeup-{database.kind}", {}, database_url=database.url)
            with gateway, bare_query(database.url) as query:
                for number in range(count + _WARM_UP):
                    plan.say(f"{database.kind}, alert {number + 1} of {count + _WARM_UP}")
                    license_id = gateway.license()
                    gateway.contact(license_id, f"+1555{number:07}")
                    token = gateway.source(license_id)
                    event_id = gateway.post(token, title=f"Gate {number}")
                    answered = time.monotonic()
                    begun = "SELECT 1 FROM attempts WHERE event_id = ?"
                    until(lambda: query(begun, event_id), 20, "the engine began", every=0.0005)  # noqa: B023 - awaited here
                    times.append(time.monotonic() - answered)
            yield from median_and_worst(
                f"post answered to first step recorded, {database.kind}",
                "bare notification to a waiting thread",
                times[_WARM_UP:],
                _notifications(database.url, count),
                target=_TARGET,
            )


def _notifications(database_url: str, count: int) -> list[float]:
    """Return how long single notifications took to reach a listener in another thread."""
    listener, wakeup = make_wakeup_listener(database_url), make_wakeup(database_url)
    woken_at: list[float] = []
    waiting = threading.Event()
    taken = threading.Semaphore(0)

    def listen() -> None:
        for _ in range(count):
            waiting.set()
            while not listener.wait(timedelta(seconds=5)):
                pass
            woken_at.append(time.monotonic())
            taken.release()

    thread = threading.Thread(target=listen, daemon=True)
    wakeup.notify()  # the connection is made
    listener.wait(timedelta(seconds=1))
    thread.start()
    sent: list[float] = []
    for _ in range(count):
        assert waiting.wait(5)
        waiting.clear()
        sent.append(time.monotonic())
        wakeup.notify()
        assert taken.acquire(timeout=10)
    thread.join(10)
    listener.close()
    return [woken - notified for woken, notified in zip(woken_at, sent, strict=True)]
