"""The pages with a hundred thousand events and two hundred open ones: how long Overview and Events take to answer.

A real gateway serves them over HTTP to a superadmin, who sees all two hundred licenses. Beside each stands the page of
one's own account, which shows no events: what signing in, templates and the web server cost by themselves.
"""

import http.client
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import urlencode

from sqlalchemy import create_engine, insert, select, text

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.model.user import Role
from gateway.ports.record import NewEvent, Record
from gateway.services import users
from gateway.services.passwords import Passwords
from gateway.services.steps import note_step
from gateway.store.tables import events
from tests.bench.database import databases
from tests.bench.plan import Plan
from tests.bench.results import Result, in_milliseconds, percentile
from tests.gateway import Gateway
from tests.records import Tenant, a_snapshot, add_tenant
from tests.waiting import until

_EVENTS = 100_000
_OPEN = 200
_LICENSES = 200
_AT_ONCE = 1000
_TAKEN_AFTER = timedelta(minutes=1)
_ROUNDS = 30
_DAYS = 60
_TARGET = 200.0  # milliseconds, the median
_PASSWORD = "a password for the benchmark"
_EMAIL = "root@example.org"
_PLAIN = "/admin/account"
_PAGES = {
    "Overview": "/admin/overview/",
    "Events": "/admin/events/",
    "Events, exhausted ones": "/admin/events/?status=exhausted",
    "Events, of a title that hardly any has": "/admin/events/?text=Door+77",
    "Events, of a title that none has": "/admin/events/?text=nothing+like+this",
    "Events, the oldest page": "/admin/events/?before=40",
    "an event": "/admin/events/1",
}
_TARGETED = {"Overview", "Events"}


def measure(plan: Plan) -> Iterator[Result]:
    """Measure on both databases."""
    with databases(plan.directory) as each:
        for database in each:
            directory = plan.directory / f"pages-{database.kind}"
            gateway = Gateway(directory, {}, database_url=database.url)
            count = plan.count(_EVENTS)
            _fill(gateway.record, database.url, count, plan, database.kind)
            users.add_user(
                gateway.record,
                Passwords(),
                email=_EMAIL,
                password=_PASSWORD,
                role=Role.SUPERADMIN,
                at=datetime.now(UTC),
            )
            web = gateway.process("web")
            try:
                times = _times(gateway, plan, database.kind)
            finally:
                web.terminate()
                web.wait(50)
                gateway.record.close()
            for name in _PAGES:
                yield from _results(f"{name}, {count} events, {database.kind}", times[name], times[_PLAIN], name)


def _results(label: str, values: Sequence[float], references: Sequence[float], name: str) -> Iterator[Result]:
    reference = "a page without events"
    target = _TARGET if name in _TARGETED else None
    yield in_milliseconds(f"{label}, median", values, reference, references, pick=median, target=target)
    yield in_milliseconds(f"{label}, p99", values, reference, references, pick=lambda each: percentile(each, 0.99))


def _times(gateway: Gateway, plan: Plan, kind: str) -> dict[str, list[float]]:
    """Return the seconds of every page, taken in turns."""
    visitor = _Visitor(gateway)
    times: dict[str, list[float]] = {name: [] for name in (*_PAGES, _PLAIN)}
    for number in range(_ROUNDS + 2):
        plan.say(f"{kind}: round {number + 1} of {_ROUNDS + 2}")
        for name, path in (*_PAGES.items(), (_PLAIN, _PLAIN)):
            seconds = visitor.get(path)
            if number >= 2:
                times[name].append(seconds)
    return times


class _Visitor:
    """Somebody who is signed in, on one connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        self._cookie = ""
        until(lambda: self._is_up(gateway), 40, "the web answers", every=0.1)
        page = self._ask("GET", "/admin/sign-in")[1]
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        form = urlencode({"email": _EMAIL, "password": _PASSWORD, "csrf_token": token[1]})
        assert self._ask("POST", "/admin/sign-in", form)[0] == http.client.FOUND, "signed in"

    def get(self, path: str) -> float:
        """Open a page and return the seconds until all of it was there."""
        began = time.monotonic()
        status, _ = self._ask("GET", path)
        if status != http.client.OK:
            raise RuntimeError(f"{path} answers {status}")
        return time.monotonic() - began

    @staticmethod
    def _is_up(gateway: Gateway) -> bool:
        try:
            return gateway.http("GET", "/healthz").status == http.client.OK
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return answer.status, text


def _fill(record: Record, url: str, count: int, plan: Plan, kind: str) -> None:
    """Record the events: of two months, nearly all taken by link, one in a hundred exhausted, the last ones open.

    The open ones come from the services that write them in operation. Those of the past are copies of such a row: the
    lists read nothing else of them.
    """
    tenants = [add_tenant(record, f"License {number}") for number in range(_LICENSES)]
    apart, now = timedelta(days=_DAYS) / count, datetime.now(UTC)
    first = _record(record, tenants[0], 0, now - apart * count, is_over=True)
    plan.say(f"{kind}: {count} events")
    _copy(url, first, count - _OPEN, tenants, apart)
    for number in range(count - _OPEN, count):
        _record(record, tenants[number % _LICENSES], number, now - apart * (count - number))


def _record(record: Record, tenant: Tenant, number: int, at: datetime, *, is_over: bool = False) -> int:
    with record.write() as work:
        event_id = work.events.add(_event(tenant, number, at))
        sent = replace(
            tenant.attempt(event_id, Level.TEXT), state=AttemptState.SENT, began_at=at, ended_at=at, deadline_at=None
        )
        attempt = work.attempts.add(sent)
        detail: dict[str, object] = {"attempt_id": attempt.id, "result": "sent"}
        note_step(work, attempt, TimelineType.ATTEMPT_RESULT, at, detail)
        if is_over:
            work.events.close(
                event_id,
                status=EventStatus.ACKNOWLEDGED,
                at=at + _TAKEN_AFTER,
                from_statuses=frozenset({EventStatus.OPEN}),
                by="Dana",
                via=AcknowledgedVia.LINK,
            )
            work.events.finish([event_id], at + _TAKEN_AFTER)
        work.commit()
    return event_id


def _copy(url: str, event_id: int, count: int, tenants: Sequence[Tenant], apart: timedelta) -> None:
    """Copy an event that is over until there are so many, each with a title, a time and a license of its own."""
    engine = create_engine(url)
    with engine.begin() as connection:
        row = dict(connection.execute(select(events).where(events.c.id == event_id)).mappings().one())
        for begin in range(1, count, _AT_ONCE):
            copies = []
            for number in range(begin, min(begin + _AT_ONCE, count)):
                tenant, at = tenants[number % _LICENSES], row["created_at"] + apart * number
                of_its_own = {
                    "id": event_id + number,
                    "license_id": tenant.license.id,
                    "source_id": tenant.source.id,
                    "title": f"Door {number}",
                    "dedup_key": f"door-{number}",
                    "created_at": at,
                    "acknowledged_at": at + _TAKEN_AFTER,
                    "closed_at": at + _TAKEN_AFTER,
                    "status": "exhausted" if number % 100 == 0 else "acknowledged",
                }
                copies.append({name: of_its_own.get(name, value) for name, value in row.items()})
            connection.execute(insert(events), copies)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT setval(pg_get_serial_sequence('events', 'id'), max(id)) FROM events"))
            connection.execute(text("ANALYZE"))
    engine.dispose()


def _event(tenant: Tenant, number: int, at: datetime) -> NewEvent:
    return replace(
        tenant.new_event(f"door-{number}", created_at=at),
        title=f"Door {number}",
        body="The contact has been open for a minute. " * 5,
        snapshot=a_snapshot(*tenant.contacts),
        status=EventStatus.OPEN,
    )
