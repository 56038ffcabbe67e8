"""``/twilio/whatsapp``: replies and delivery reports. Only what Twilio signed is taken."""

import structlog
from flask import Blueprint, Response, request

from gateway.model.whatsapp import MessageFault
from gateway.ports.messages import BY_TEMPLATE
from gateway.ports.record import RecordUnavailableError
from gateway.services.escalate import delivery_report
from gateway.services.replies import take_reply
from gateway.services.trial_messages import take_report
from web.callbacks.schemas import NOT_RECORDED, answer_to, answers_itself, inbound_message, twiml
from web.callbacks.verification import signed_form, verify
from web.services import services

log = structlog.get_logger(__name__)

blueprint = Blueprint("callbacks", __name__, url_prefix="/twilio/whatsapp")
blueprint.before_request(verify)


@blueprint.post("/inbound")
def inbound() -> Response:
    """Take a reply or a pressed button, and answer it."""
    there = services()
    message = inbound_message(signed_form())
    if message is None:
        log.info("reply_ignored", reason="not_from_whatsapp")
        return _twiml("")
    try:
        reply = take_reply(there.record, message, at=there.clock.now())
    except RecordUnavailableError as error:
        # Twilio tells of a message once, and passes on the words of no other answer than a good one. Whoever wrote
        # must not believe that the alert is theirs.
        log.error("reply_not_recorded", error=str(error))  # noqa: TRY400 - the operator needs no traceback
        return _twiml(NOT_RECORDED)
    log.info(
        "reply_taken",
        known=reply.known,
        event_id=reply.event.id if reply.event else None,
        acknowledged=reply.result is not None,
        first=reply.result.first if reply.result else None,
        repeated=reply.repeated,
        opted=reply.opted.value if reply.opted else None,
    )
    if reply.result is not None:
        there.wakeup.notify()
    return _twiml("" if answers_itself(signed_form()) else answer_to(reply))


@blueprint.post("/status")
def status() -> Response:
    """Take a delivery report. A message that is not known may belong to another system of the same account."""
    there = services()
    by_template = request.query_string.decode("latin-1").endswith(BY_TEMPLATE)
    report = there.read_report(signed_form(), by_template=by_template) if there.read_report else None
    if report is not None and report.provider_id is not None:
        trial_id = request.args.get("trial", type=_id)
        if trial_id is not None:
            known = take_report(there.record, report, trial_id=trial_id, at=there.clock.now())
        else:
            attempt_id = request.args.get("attempt", type=_id)
            known = delivery_report(there.record, report, at=there.clock.now(), attempt_id=attempt_id)
        log.info("delivery_reported", provider_id=report.provider_id, state=report.state.value, known=known)
        if known and report.fault is MessageFault.SETUP:
            # It will go wrong for everybody until somebody mends it.
            log.error("message_setup_wrong", provider_id=report.provider_id, reason=report.reason)
        there.wakeup.notify()
    return Response(status=204)


def _id(text: str) -> int:
    number = int(text)
    if not 0 < number < 1 << 63:
        raise ValueError("no id")
    return number


def _twiml(text: str) -> Response:
    return Response(twiml(text), mimetype="text/xml")
