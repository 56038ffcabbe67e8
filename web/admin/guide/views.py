"""``/admin/guide``."""

import json
from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway.model.event import EventStatus
from gateway.model.license import AlertSource, SourceKind
from gateway.model.user import Role
from gateway.services import examples, sources
from gateway.services.exceptions import TokenNotKeptError
from gateway.services.intake import InvalidTokenError, LicenseInactiveError
from web.admin import access
from web.admin.guide.reference import answers, fields
from web.converters import record_id
from web.ingest.schemas import answer
from web.services import admin_services, services

blueprint = Blueprint("guide", __name__, url_prefix="/guide")

# In their order on the page.
SHOWN = (SourceKind.ANPR, SourceKind.PARKING, SourceKind.SECURITY)
_PLACEHOLDER = "YOUR-TOKEN"
_ANSWER = "guide-answer"


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """Show how alerts are posted, and what came of an example that was just run."""
    chosen = request.args.get("source", type=record_id)
    return _page(chosen=chosen, token=None)


@blueprint.post("/token")
@access.open_to(Role.ADMIN)
def fill_in() -> ResponseReturnValue:
    """Show the guide with a source's token in it; that is entered in the audit log."""
    source, there = _chosen_source(), services()
    try:
        made = sources.reveal_token(
            there.record, admin_services().tokens, source_id=source.id, at=there.clock.now(), by=access.actor()
        )
    except TokenNotKeptError as error:
        flash(str(error), "error")
        return redirect(url_for(".index", source=source.id))
    return _page(chosen=source.id, token=made.token)


@blueprint.post("/run/<kind>")
@access.open_to(Role.ADMIN)
def run(kind: str) -> ResponseReturnValue:
    """Take an example as if a source had posted it: it escalates as any other alert."""
    known = next((one for one in SHOWN if one.value == kind), None)
    if known is None:
        abort(404)
    source, there = _chosen_source(), services()
    back = redirect(url_for(".index", source=source.id, _anchor=f"example-{known.value}"))
    try:
        accepted = sources.send_example(
            there.record, there.config, source_id=source.id, kind=known, at=there.clock.now(), by=access.actor()
        )
    except InvalidTokenError:
        flash(_("%(name)s is off: turn it on first.", name=source.name), "error")
        return back
    except LicenseInactiveError:
        flash(_("The license is not active."), "error")
        return back
    if not accepted.deduplicated and accepted.status is not EventStatus.THROTTLED:
        there.wakeup.notify()
    document, status, _headers = answer(accepted)
    # As text besides: a session keeps no order of names.
    session[_ANSWER] = {
        "kind": known.value,
        "source": source.name,
        "answer": f"{status} {json.dumps(document)}",
        "document": document,
    }
    return back


def _page(*, chosen: int | None, token: str | None) -> str:
    offered = _offered()
    picked = next((one for one in offered if one.id == chosen), None)
    url = services().config.web.public_url.rstrip("/")
    shown = [(kind, examples.of_kind(kind)) for kind in SHOWN]
    return render_template(
        "admin/guide/index.html",
        url=url,
        token=token,
        sources=offered,
        picked=picked,
        examples=[
            {
                "kind": kind.value,
                "example": one,
                "curl": examples.curl(url, token or _PLACEHOLDER, one.document()),
                "python": examples.python(url, token or _PLACEHOLDER, one.document()),
            }
            for kind, one in shown
        ],
        simplest=json.dumps(
            {"title": "Intruder at the north fence", "severity": "critical", "dedup_key": "fence-north"}, indent=2
        ),
        fields=fields(),
        answers=answers(),
        ran=session.pop(_ANSWER, None),
        can_run=access.may(Role.ADMIN),
    )


def _offered() -> Sequence[AlertSource]:
    """Return the sources that may be picked: those that take posts, of the licenses that are shown."""
    with services().record.read() as work:
        return [one for one in work.sources.of_licenses(access.scope().shown) if one.enabled]


def _chosen_source() -> AlertSource:
    source_id = request.form.get("source", type=record_id)
    if source_id is None:
        abort(400)
    with services().record.read() as work:
        source = work.sources.get(source_id)
    if source is None:
        abort(404)
    access.require_visible(source.license_id)
    return source
