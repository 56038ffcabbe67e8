"""``/admin/calls``."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from gateway.model.call import Call, CallOutcome
from gateway.model.user import Role
from gateway.ports.phone import TWILIO
from gateway.ports.record import UnitOfWork
from gateway.services.call_details import call_document, export_calls
from gateway.services.call_export import csv_rows
from web.admin import access
from web.admin.calls.forms import FIELDS, FilterForm
from web.admin.calls.story import hearing, lengths_of, steps_of, worst
from web.admin.forms import choices
from web.services import services

blueprint = Blueprint("calls", __name__, url_prefix="/calls")

_SHOWN = 50
_CALL_ID = re.compile(r"[0-9a-f]{32}")
_ROWS_SENT_TOGETHER = 200
# A long export holds a thread that takes alerts as well, for as long as its reader likes.
_exporting = threading.Semaphore(1)


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """List calls, the newest first."""
    shown = access.scope().shown
    form = _form()
    valid = form.validate()
    wanted = form.wanted(shown) if valid else FilterForm(MultiDict({"outcome": "", "trunk": ""})).wanted(shown)
    with services().record.read() as work:
        before = _before(work)
        rows = work.call_details.newest(wanted, limit=_SHOWN + 1, before=before)
        people = _people(work, rows)
        names = access.licenses_of(access.scope().license_ids, work)
        version = work.event_lists.version(shown)
    kept = _kept()
    return render_template(
        "admin/calls/list.html",
        form=form,
        rows=rows[:_SHOWN],
        causes={call.id: _cause(call) for call in rows},
        people=people,
        names=names,
        filtered=bool(kept),
        older=url_for(".index", before=rows[_SHOWN - 1].id, **kept) if len(rows) > _SHOWN else None,
        newest=url_for(".index", **kept) if before is not None else None,
        export=url_for(".export", **kept) if valid else None,
        now=services().clock.now(),
        version=version,
    )


@blueprint.get("/<call_id>")
@access.open_to(Role.VIEWER)
def show(call_id: str) -> str:
    """Show all that is recorded of a call."""
    if not _CALL_ID.fullmatch(call_id):
        abort(404)
    there = services()
    with there.record.read() as work:
        call = work.calls.get(call_id)
        if call is None:
            abort(404)
        access.require_visible(call.license_id)
        license_ = work.licenses.get(call.license_id)
        contact = work.contacts.get(call.contact_id)
        ids = work.call_details.events_of([call.id]).get(call.id, ())
        events = [event for event_id in ids if (event := work.events.get(event_id)) is not None]
        version = work.event_lists.version({call.license_id})
    return render_template(
        "admin/calls/show.html",
        call=call,
        license=license_,
        contact=contact,
        events=events,
        steps=steps_of(call),
        lengths=lengths_of(call),
        explanation=there.explain_call(call_document(call)),
        hearing=hearing,
        heard=worst(call.quality) if call.quality else None,
        zone=license_.time_zone if license_ else "UTC",
        now=there.clock.now(),
        version=version,
    )


@blueprint.get("/export.csv")
@access.open_to(Role.VIEWER)
def export() -> ResponseReturnValue:
    """Send the calls that the filter lets through as CSV, the oldest first, however many they are."""
    form = _form()
    if not form.validate():
        flash(_("The filter cannot be read: correct it, then export again."), "error")
        return redirect(url_for(".index", **_kept()))
    if not _exporting.acquire(blocking=False):
        flash(_("Another export is under way. Try again in a minute."), "error")
        return redirect(url_for(".index", **_kept()))
    turn = _Turn()
    wanted = form.wanted(access.scope().shown)
    name = f"calls-{services().clock.now():%Y-%m-%d}.csv"
    answer = Response(
        _in_parts(csv_rows(export_calls(services().record, wanted)), turn), content_type="text/csv; charset=utf-8"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(turn.end)
    return answer


class _Turn:
    """The one export that goes on. It ends once, whether it was read to its end, broken off, or never begun."""

    def __init__(self) -> None:
        self._going_on = True

    def end(self) -> None:
        """Let another export begin."""
        if self._going_on:
            self._going_on = False
            _exporting.release()


def _in_parts(rows: Iterator[str], turn: _Turn) -> Iterator[str]:
    """Yield the rows by the hundred: a write to the network each would be slow."""
    part: list[str] = []
    try:
        for row in rows:
            part.append(row)
            if len(part) == _ROWS_SENT_TOGETHER:
                yield "".join(part)
                part.clear()
        yield "".join(part)
    finally:
        turn.end()


def _form() -> FilterForm:
    config = services().config
    trunks = [trunk.name for trunk in config.asterisk.trunks] if config.asterisk is not None else []
    if config.twilio is not None and config.twilio.voice_from is not None:
        trunks.append(TWILIO)
    asked = request.args.get("trunk")
    if asked and asked not in trunks:
        # Calls went through trunks that are not configured any more.
        trunks.append(asked[:100])
    form = FilterForm(MultiDict({"outcome": "", "trunk": ""} | request.args.to_dict()))
    form.trunk.choices = choices([("", _("any")), *((name, name) for name in trunks)])
    return form


def _kept() -> dict[str, Any]:
    return {name: value for name, value in request.args.items() if value and name in FIELDS}


def _before(work: UnitOfWork) -> Call | None:
    """Return the call that the page before ended with; one that is not there, or not theirs, is none."""
    call_id = request.args.get("before", "")
    call = work.calls.get(call_id) if _CALL_ID.fullmatch(call_id) else None
    return call if call is not None and access.scope().sees(call.license_id) else None


def _people(work: UnitOfWork, rows: Sequence[Call]) -> Mapping[int, str]:
    found = {contact_id: work.contacts.get(contact_id) for contact_id in {call.contact_id for call in rows}}
    return {contact_id: contact.name for contact_id, contact in found.items() if contact is not None}


def _cause(call: Call) -> str | None:
    """Return the status or cause of a call that nobody answered, as people cite it; of our own hangup it says none."""
    if call.answered_at is not None or call.outcome in {None, CallOutcome.CANCELLED}:
        return None
    if call.sip_cause is not None:
        return f"SIP {call.sip_cause}"
    return None if call.hangup_cause is None else f"Q.850 {call.hangup_cause}"
