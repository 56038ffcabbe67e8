"""``/admin/events``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import Event, EventStatus
from gateway.model.rungs import Track, tracks_of
from gateway.model.timeline import TimelineEntry
from gateway.model.user import Role
from gateway.ports.record import EscalationRecord
from gateway.services import acknowledge, spoken
from gateway.services.overview import coming
from web.admin import access
from web.admin.events.forms import FilterForm
from web.admin.forms import choices
from web.converters import record_id
from web.services import admin_services, services

log = structlog.get_logger(__name__)

blueprint = Blueprint("events", __name__, url_prefix="/events")

_SHOWN = 50
_STOPPABLE = frozenset({EventStatus.OPEN, EventStatus.EXHAUSTED})


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """List events, the newest first."""
    shown = access.scope().shown
    form = FilterForm(MultiDict({"status": "", "severity": "", "source": ""} | request.args.to_dict()))
    before_id = request.args.get("before", type=record_id)
    with services().record.read() as work:
        sources = work.sources.of_licenses(shown)
        form.source.choices = choices([("", _("any")), *((str(one.id), one.name) for one in sources)])
        wanted = form.wanted(shown) if form.validate() else FilterForm(None).wanted(shown)
        rows = work.event_lists.page(wanted, before_id=before_id, limit=_SHOWN + 1)
        names = access.licenses_of(access.scope().license_ids, work)
        version = work.event_lists.version(shown)
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if value and name != "before"}
    return render_template(
        "admin/events/list.html",
        form=form,
        rows=rows[:_SHOWN],
        sources={one.id: one.name for one in sources},
        names=names,
        filtered=bool(kept),
        older=url_for(".index", before=rows[_SHOWN - 1].id, **kept) if len(rows) > _SHOWN else None,
        newest=url_for(".index", **kept) if before_id is not None else None,
        now=services().clock.now(),
        version=version,
    )


@blueprint.get("/<int:event_id>")
@access.open_to(Role.VIEWER)
def show(event_id: int) -> str:
    """Show an event with everything that was done about it."""
    event, there = visible_event(event_id), services()
    now = there.clock.now()
    with there.record.read() as work:
        escalation = work.events.escalation(event_id)
        license_ = work.licenses.get(event.license_id)
        source = work.sources.get(event.source_id)
        people = {one.id: one.name for one in work.contacts.of_license(event.license_id)}
        timeline = work.timeline.of_event(event_id)
        calls = work.calls.of_event(event_id)
        version = work.event_lists.version({event.license_id})
    if escalation is not None:
        people |= {one.id: one.name for one in escalation.snapshot.contacts}
    return render_template(
        "admin/events/show.html",
        event=event,
        license=license_,
        source=source,
        people=people,
        timeline=timeline,
        calls=calls,
        heard_calls=spoken.heard_calls(calls),
        heard_notes=spoken.heard_notes(escalation.history) if escalation else [],
        can_speak=admin_services().speech is not None,
        tracks=_tracks(escalation, timeline, now),
        next_step=coming(escalation, now) if escalation and event.status is EventStatus.OPEN else None,
        now=now,
        zone=license_.time_zone if license_ else "UTC",
        version=version,
        can_change=access.may(Role.ADMIN),
        stoppable=event.status in _STOPPABLE,
    )


@blueprint.post("/<int:event_id>/acknowledge")
@access.open_to(Role.ADMIN)
def take(event_id: int) -> ResponseReturnValue:
    """Acknowledge an event as the user who is signed in."""
    event, there = visible_event(event_id), services()
    results = acknowledge.acknowledge(
        there.record,
        event_ids=[event.id],
        contact_id=None,
        by=access.user().name,
        via=AcknowledgedVia.ADMIN,
        at=there.clock.now(),
    )
    there.wakeup.notify()
    log.info(
        "event_acknowledged", event_id=event_id, user_id=access.user().id, first=bool(results and results[0].first)
    )
    if results and results[0].first:
        flash(_("Acknowledged: nobody else is called."), "success")
    elif results and results[0].by:
        flash(_("%(name)s was first.", name=results[0].by), "info")
    else:
        flash(_("The event was over already."), "info")
    return redirect(url_for(".show", event_id=event_id))


@blueprint.post("/<int:event_id>/resolve")
@access.open_to(Role.ADMIN)
def resolve(event_id: int) -> ResponseReturnValue:
    """Withdraw an event: its escalation stops without anybody having taken it."""
    event, there = visible_event(event_id), services()
    if acknowledge.resolve(there.record, event_id=event.id, at=there.clock.now(), by=access.user().name):
        there.wakeup.notify()
        log.info("event_resolved", event_id=event_id, user_id=access.user().id)
        flash(_("Resolved: nobody else is told."), "success")
    else:
        flash(_("The event was over already."), "info")
    return redirect(url_for(".show", event_id=event_id))


def _tracks(escalation: EscalationRecord | None, timeline: Sequence[TimelineEntry], now: datetime) -> Sequence[Track]:
    """Return the event's ladder; an event that was throttled has none."""
    if escalation is None:
        return ()
    event = escalation.event
    return tracks_of(escalation.snapshot, event.status, escalation.history, timeline, now, closed_at=event.closed_at)


def visible_event(event_id: int) -> Event:
    """Return an event that the user may see, or answer 404."""
    with services().record.read() as work:
        event = work.events.get(event_id)
    if event is None:
        abort(404)
    access.require_visible(event.license_id)
    return event
