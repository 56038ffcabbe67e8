"""``/admin/live``: tells a page that something happened, and the page fetches itself again.

A stream holds one of the few threads that take alerts as well. So only some are open at once, each for a while; whoever
gets none asks ``/admin/live/version`` every few seconds.
"""

import threading
import time
from collections.abc import Collection, Iterator

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from gateway.model.user import Role
from gateway.ports.record import Record, RecordUnavailableError
from web.admin import access
from web.services import services

blueprint = Blueprint("live", __name__, url_prefix="/live")

_SHARE = 4  # one thread in so many may hold a stream
_STREAM_SECONDS = 15.0  # shorter than the web processes' patience at a stop
_LOOK_SECONDS = 1.0
_RECONNECT_MILLISECONDS = 300

_streams = 0
_counting = threading.Lock()
# Never set: it lets a stream's thread wait.
_pause = threading.Event()


@blueprint.get("/version")
@access.open_to(Role.VIEWER)
def version() -> Response:
    """Say what the present version of what the user sees is."""
    with services().record.read() as work:
        return jsonify(version=work.event_lists.version(access.scope().shown))


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def stream() -> ResponseReturnValue:
    """Send the version now and whenever it changes, for a while; 503 where too many streams are open."""
    there = services()
    if not _begin(there.config.web.threads // _SHARE):
        return Response(status=503)
    answer = Response(_versions(there.record, access.scope().shown), mimetype="text/event-stream")
    # A proxy that collects the answer before it passes it on would defeat the purpose (nginx's name for it).
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(_end)
    return answer


def _versions(record: Record, license_ids: Collection[int] | None) -> Iterator[str]:
    yield f"retry: {_RECONNECT_MILLISECONDS}\n\n"
    told, ends_at = "", time.monotonic() + _STREAM_SECONDS
    while time.monotonic() < ends_at:
        try:
            with record.read() as work:
                now = work.event_lists.version(license_ids)
        except RecordUnavailableError:
            return
        # A comment shows that somebody is still there, and finds out whether the browser is.
        yield f"event: version\ndata: {now}\n\n" if now != told else ":\n\n"
        told = now
        _pause.wait(_LOOK_SECONDS)


def _begin(allowed: int) -> bool:
    global _streams  # noqa: PLW0603 - one count for the process
    with _counting:
        if _streams >= allowed:
            return False
        _streams += 1
        return True


def _end() -> None:
    global _streams  # noqa: PLW0603 - see _begin
    with _counting:
        _streams -= 1
