"""``/license/v1/alert``: taking alerts, and telling a source about its own."""

from typing import Any

import structlog
from flask import Blueprint, request

from gateway.metrics import POSTS_REFUSED
from gateway.model.event import EventStatus
from gateway.ports.record import RecordUnavailableError, SourceCredentials
from gateway.services.intake import InvalidTokenError, LicenseInactiveError, accept, authenticate
from gateway.services.queries import show_event
from gateway.services.refused import note_refused_post
from web.errors import ApiError, read_body
from web.ingest.fast_way import UNAVAILABLE
from web.ingest.schemas import EventAnswer, answer, read_alert
from web.services import services

log = structlog.get_logger(__name__)

blueprint = Blueprint("ingest", __name__, url_prefix="/license/v1/alert")

_REFUSALS = {
    InvalidTokenError: ("invalid_token", "no enabled alert source has this token: copy it from the source again"),
    LicenseInactiveError: ("license_inactive", "the license is not active: ask whoever runs the gateway about it"),
}


@blueprint.post("/in")
def take() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Take an alert. Checks run in the order token, license, body."""
    if (unavailable := request.environ.get(UNAVAILABLE)) is not None:
        raise unavailable
    sender, token_hash = _sender()
    there = services()
    try:
        alert = read_alert(read_body())
        accepted = accept(
            there.record, config=there.config, token_hash=token_hash, alert=alert, now=there.clock.now(), sender=sender
        )
    except ApiError as error:
        log.info("alert_refused", source_id=sender.source.id, error=error.code)
        _note_refused(sender, error)
        raise
    except (InvalidTokenError, LicenseInactiveError) as error:
        raise _refusal(error) from error
    if not accepted.deduplicated and accepted.status is not EventStatus.THROTTLED:
        there.wakeup.notify()
    return answer(accepted)


@blueprint.get("/<event_id:event_id>")
def show(event_id: int) -> dict[str, Any]:
    """Tell a source about one of its own events."""
    sender, _ = _sender()
    event = show_event(services().record, event_id)
    if event is None or event["source_id"] != sender.source.id:
        raise ApiError(404, "not_found", "this source has no such event: check the id")
    # Who was called under which number is the license's affair, not the source's.
    return EventAnswer.model_validate(event | {"event_id": event_id}).model_dump(mode="json")


def _sender() -> tuple[SourceCredentials, bytes]:
    token = request.headers.get("X-Alert-Token", "").strip()
    if not token:
        POSTS_REFUSED.labels("missing_token").inc()
        raise ApiError(401, "missing_token", "send the source's token in the header X-Alert-Token")
    token_hash = services().hash_token(token)
    try:
        return authenticate(services().record, token_hash, services().clock.now()), token_hash
    except (InvalidTokenError, LicenseInactiveError) as error:
        raise _refusal(error) from error


def _note_refused(sender: SourceCredentials, error: ApiError) -> None:
    """Keep the refusal for the pages: whoever looks for a lost alert finds it there."""
    POSTS_REFUSED.labels(error.code).inc()
    there = services()
    try:
        note_refused_post(
            there.record,
            sender.source,
            error=error.code,
            message=error.message,
            address=request.remote_addr,
            at=there.clock.now(),
        )
    except RecordUnavailableError as lost:
        # The sender is told all the same.
        log.warning("refusal_not_recorded", source_id=sender.source.id, error=str(lost))


def _refusal(error: InvalidTokenError | LicenseInactiveError) -> ApiError:
    code, message = _REFUSALS[type(error)]
    POSTS_REFUSED.labels(code).inc()
    log.info("alert_refused", error=code, remote=request.remote_addr)
    return ApiError(403, code, message)
