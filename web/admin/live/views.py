"""``/admin/live``: tells a page that something happened, and the page fetches itself again.

A stream holds one of the few threads that take alerts as well. So only some are open at once, each for a while; whoever
gets none asks ``/admin/live/version`` every few seconds.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from gateway.model.user import Role
from gateway.ports.record import RecordUnavailableError, UnitOfWork
from gateway.services import trials, trunk_board
from web.admin import access
from web.converters import record_id
from web.services import WebServices, services

blueprint = Blueprint("live", __name__, url_prefix="/live")

Look = Callable[[UnitOfWork], str]

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
    look = _looked_at()
    with services().record.read() as work:
        return jsonify(version=look(work))


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def stream() -> ResponseReturnValue:
    """Send the version now and whenever it changes, for a while; 503 where too many streams are open."""
    there, look = services(), _looked_at()
    if not _begin(there.config.web.threads // _SHARE):
        return Response(status=503)
    answer = Response(_versions(there, look), mimetype="text/event-stream")
    # A proxy that collects the answer before it passes it on would defeat the purpose (nginx's name for it).
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(_end)
    return answer


def version_of(work: UnitOfWork, license_ids: Collection[int] | None, *, engine_at: datetime | None = None) -> str:
    """Return what the present version of these licenses' events is.

    With ``engine_at``, the present time, it is that of what the engine says of the trunks as well.
    """
    version = work.event_lists.version(license_ids)
    if engine_at is None:
        return version
    return f"{version}-{trunk_board.version_of(trunk_board.lines_now(work.heartbeats.latest(), engine_at))}"


def _of_engine() -> bool:
    """Tell whether the page also shows what the engine says, and is open to the one who asks."""
    return request.args.get("of") == "engine" and access.may(Role.ADMIN)


def _looked_at() -> Look:
    """Return what gives the version of what the page shows: the events of its licenses, or one test."""
    there, shown, engine = services(), access.scope().shown, _of_engine()
    trial_id = request.args.get("trial", type=record_id)
    if trial_id is None:
        return lambda work: version_of(work, shown, engine_at=there.clock.now() if engine else None)
    with there.record.read() as work:
        trial = work.trials.get(trial_id)
    if trial is None:
        abort(404)
    access.require_visible(trial.license_id)
    return lambda work: trials.version_of(work, trial_id, there.clock.now())


def _versions(there: WebServices, look: Look) -> Iterator[str]:
    yield f"retry: {_RECONNECT_MILLISECONDS}\n\n"
    told, ends_at = "", time.monotonic() + _STREAM_SECONDS
    while time.monotonic() < ends_at:
        try:
            with there.record.read() as work:
                now = look(work)
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
