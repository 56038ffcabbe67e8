"""``/a/<token>``: looking never acknowledges, link previews and scanners look as well; only ``POST`` does."""

import structlog
from flask import Blueprint, Response, render_template, request

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import AckLink, RecordUnavailableError
from gateway.services.acknowledge import acknowledge
from gateway.wording.catalogues import marked, words_of
from web.ack.schemas import AckPage, AckState, ack_page
from web.errors import link_page
from web.language import html_lang
from web.services import services

log = structlog.get_logger(__name__)

blueprint = Blueprint(
    "ack", __name__, url_prefix="/a", template_folder="templates", static_folder="static", static_url_path="/static"
)


@blueprint.get("/<token>")
def show(token: str) -> Response:
    """Show the alert, and who has it."""
    link = _link(token)
    if isinstance(link, Response):
        return link
    with services().record.read() as work:
        shown = ack_page(work, link)
    if shown is not None and shown.state is AckState.WAITING and request.method == "GET" and not shown.opened_before:
        _note_opened(link)
    return _rendered(shown)


@blueprint.post("/<token>")
def take(token: str) -> Response:
    """Acknowledge for the link's contact, once or again, and show who has the alert."""
    link = _link(token)
    if isinstance(link, Response):
        return link
    there = services()
    with there.record.read() as work:
        shown = ack_page(work, link)
    if shown is not None and shown.state is not AckState.OVER:
        (result,) = acknowledge(
            there.record,
            event_ids=[link.event_id],
            contact_id=link.contact_id,
            by=None,
            via=AcknowledgedVia.LINK,
            at=there.clock.now(),
        )
        there.wakeup.notify()
        log.info("link_used", event_id=link.event_id, contact_id=link.contact_id, first=result.first)
        with there.record.read() as work:
            shown = ack_page(work, link)
    return _rendered(shown)


def _link(token: str) -> AckLink | Response:
    """Return the link that the token names, or the page that says why it cannot be used."""
    there = services()
    link_id = there.links.read(token)
    link = None
    if link_id is not None:
        with there.record.read() as work:
            link = work.acknowledgements.link(link_id)
    if link is None:
        return _unknown()
    if link.revoked_at is not None:
        return link_page(
            410,
            marked("This link was withdrawn"),
            marked("It no longer acknowledges anything. Newer messages have a new link."),
        )
    if link.expires_at <= there.clock.now():
        return link_page(410, marked("This link has expired"), marked("The alert is too old to be acknowledged here."))
    return link


def _note_opened(link: AckLink) -> None:
    there = services()
    entry = TimelineEntry(
        event_id=link.event_id,
        at=there.clock.now(),
        type=TimelineType.LINK_OPENED,
        contact_id=link.contact_id,
        channel=None,
        detail={"user_agent": request.user_agent.string[:200]},
    )
    try:
        with there.record.write() as work:
            work.timeline.append(entry)
            work.commit()
    except RecordUnavailableError as error:
        # Seeing the alert matters more than the note that it was seen.
        log.warning("link_opening_not_recorded", event_id=link.event_id, error=str(error))


def _rendered(shown: AckPage | None) -> Response:
    if shown is None:
        return _unknown()
    html = render_template(
        "ack/alert.html",
        shown=shown,
        require_tap=services().config.ack_links.require_tap,
        html_lang=html_lang(shown.language),
        _=words_of(shown.language).gettext,
    )
    return Response(html, mimetype="text/html")


def _unknown() -> Response:
    return link_page(
        404,
        marked("This link is not known"),
        marked("Please open the whole link from the message: it may have been cut off."),
    )
