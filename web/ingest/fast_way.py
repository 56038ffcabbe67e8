"""The short way of alerts in which there is nothing to decide: beside Flask, as WSGI (PEP 3333).

Flask's request, its routing, hooks and answer cost more than recording the alert does. A post that is plainly good and
plainly new is answered here, in the same words; every other one goes on to the application as if nothing had happened,
with its body put back. So there is one place where posts are refused, decided on and explained: ``views``.
"""

import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import structlog

from gateway.ports.record import RecordUnavailableError
from web.errors import LARGEST_REQUEST, ApiError
from web.ingest.schemas import read_alert
from web.metrics.requests import count_request
from web.services import WebServices

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)

_VIEW = "ingest.take"  # Flask's name of the view
PATH = "/license/v1/alert/in"
# Under this key the view finds why an alert could not be made durable: it is not tried once more.
UNAVAILABLE = "tocsin.unavailable"
# The keys stand in the order in which Flask writes them.
_ANSWER = b'{"deduplicated":false,"event_id":%d,"ok":true,"status":"%b"}\n'


class FastWay:
    """The application, with the short way before it."""

    def __init__(
        self, application: "WSGIApplication", services: WebServices, headers: Sequence[tuple[str, str]]
    ) -> None:
        self._application = application
        self._services = services
        self._headers = [*headers, ("Content-Type", "application/json")]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer the request, or have the application do it."""
        began = time.monotonic()
        answer = self._take(environ)
        if answer is None:
            return self._application(environ, start_response)
        count_request(_VIEW, "POST", 200, time.monotonic() - began)
        start_response("200 OK", [*self._headers, ("Content-Length", str(len(answer)))])
        return [answer]

    def _take(self, environ: dict[str, Any]) -> bytes | None:
        fast_intake = self._services.fast_intake
        if fast_intake is None or environ.get("PATH_INFO") != PATH or environ["REQUEST_METHOD"] != "POST":
            return None
        token = environ.get("HTTP_X_ALERT_TOKEN", "").strip()
        length = environ.get("CONTENT_LENGTH") or ""
        if not token or not length.isdecimal() or int(length) > LARGEST_REQUEST:
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)
        try:
            accepted = fast_intake.take(self._services.hash_token(token), read_alert(body), self._services.clock.now())
        except ApiError:
            return None
        except RecordUnavailableError as error:
            environ[UNAVAILABLE] = error
            return None
        except Exception:
            # The application meets the same fault, and answers it; or it was this way's own, and the alert is taken.
            log.exception("fast_way_failed")
            return None
        return None if accepted is None else _ANSWER % (accepted.event_id, accepted.status.value.encode())
