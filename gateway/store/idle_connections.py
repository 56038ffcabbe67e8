"""Whether a pooled PostgreSQL connection still lives.

Asking the server costs a round trip for each transaction. A server that ends, or is restarted, closes its sockets, and
that is seen without asking; only a lost network is not. So a connection that was in use a moment ago, and whose socket
is quiet, is taken as it is: a network lost since then would be found out by the first statement as it is by asking.
"""

import select
import time
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

_MOMENT = timedelta(seconds=1)
_USED_AT = "used_at"


def check_before_use(engine: Engine) -> None:
    """Let the engine's pool replace its connections where the one that is asked for is lost."""

    @event.listens_for(engine, "checkin")
    def _note(_connection: object, pooled: Any) -> None:
        pooled.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, pooled: Any, _user: object) -> None:
        used_at = pooled.info.get(_USED_AT)
        if used_at is None:
            return  # It was made just now.
        try:
            if time.monotonic() - used_at > _MOMENT.total_seconds() or _has_news(connection):
                engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error


def _has_news(connection: Any) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
