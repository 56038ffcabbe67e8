"""``/admin/sources``."""

from datetime import timedelta

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway.model.event import EventStatus, Severity
from gateway.model.license import AlertSource, SourceKind
from gateway.model.user import Role
from gateway.services import examples, sources
from gateway.services.exceptions import ServiceError, TokenNotKeptError
from gateway.services.intake import InvalidTokenError, LicenseInactiveError
from gateway.services.sources import NewSource, SourceChange
from web.admin import access
from web.admin.forms import choices, refuse
from web.admin.sources.forms import KINDS, RotateForm, SourceForm
from web.services import admin_services, services

blueprint = Blueprint("sources", __name__, url_prefix="/sources")

_REFUSED_SHOWN = 50


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """List the sources, and what was refused lately."""
    shown = access.scope().shown
    with services().record.read() as work:
        found = work.sources.of_licenses(shown)
        refused = work.refused_posts.of_licenses(shown, limit=_REFUSED_SHOWN)
        names = access.licenses_of(access.scope().license_ids, work)
    return render_template(
        "admin/sources/list.html",
        sources=found,
        by_id={one.id: one for one in found},
        refused=refused,
        names=names,
        kinds=KINDS,
        can_change=access.may(Role.ADMIN),
    )


@blueprint.get("/new")
@access.open_to(Role.ADMIN)
def new() -> str:
    """Ask for a new source."""
    return render_template("admin/sources/form.html", form=_form(), source=None)


@blueprint.post("/new")
@access.open_to(Role.ADMIN)
def add() -> ResponseReturnValue:
    """Record a new source and show its token."""
    form, there = _form(), services()
    if form.validate_on_submit():
        access.require_visible(form.license.data)
        try:
            made = sources.add_source(
                there.record,
                admin_services().tokens,
                license_id=form.license.data,
                kind=SourceKind(form.kind.data),
                name=form.name.data,
                severity=Severity(form.severity.data),
                at=there.clock.now(),
                by=access.actor(),
            )
        except ServiceError as error:
            refuse(form, error)
        else:
            return _token_page(made, new=True)
    return render_template("admin/sources/form.html", form=form, source=None), 400


@blueprint.get("/<int:source_id>")
@access.open_to(Role.VIEWER)
def show(source_id: int) -> str:
    """Show a source with what was refused and throttled of it."""
    source = _source(source_id)
    with services().record.read() as work:
        refused = work.refused_posts.of_source(source_id, limit=_REFUSED_SHOWN)
        throttled = [
            event
            for event in work.events.list(
                status=EventStatus.THROTTLED, license_id=source.license_id, limit=10 * _REFUSED_SHOWN
            )
            if event.source_id == source_id
        ][:_REFUSED_SHOWN]
        license_ = work.licenses.get(source.license_id)
    return render_template(
        "admin/sources/show.html",
        source=source,
        license=license_,
        refused=refused,
        throttled=throttled,
        kinds=KINDS,
        can_change=access.may(Role.ADMIN),
    )


@blueprint.get("/<int:source_id>/edit")
@access.open_to(Role.ADMIN)
def edit(source_id: int) -> str:
    """Show a source for changes."""
    source = _source(source_id)
    form = _form(source, name=source.name, kind=source.kind.value, severity=source.severity.value)
    return render_template("admin/sources/form.html", form=form, source=source)


@blueprint.post("/<int:source_id>/edit")
@access.open_to(Role.ADMIN)
def save(source_id: int) -> ResponseReturnValue:
    """Change a source."""
    source = _source(source_id)
    form = _form(source)
    if form.validate_on_submit():
        change = SourceChange(
            name=form.name.data, kind=SourceKind(form.kind.data), severity=Severity(form.severity.data)
        )
        try:
            _change(source, change)
        except ServiceError as error:
            refuse(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("admin.sources.index"))
    return render_template("admin/sources/form.html", form=form, source=source), 400


@blueprint.post("/<int:source_id>/enabled")
@access.open_to(Role.ADMIN)
def switch(source_id: int) -> ResponseReturnValue:
    """Turn a source on or off."""
    source = _source(source_id)
    changed = _change(source, SourceChange(enabled=not source.enabled))
    if changed.enabled:
        flash(_("%(name)s is on: its alerts are taken.", name=changed.name), "success")
    else:
        flash(_("%(name)s is off: its posts are refused.", name=changed.name), "warning")
    return redirect(url_for("admin.sources.index"))


@blueprint.post("/<int:source_id>/curl")
@access.open_to(Role.ADMIN)
def curl(source_id: int) -> ResponseReturnValue:
    """Give a command that posts an alert, token included: as JSON for the clipboard, as a page without script."""
    _source(source_id)
    there = services()
    as_json = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    try:
        shown = sources.reveal_token(
            there.record, admin_services().tokens, source_id=source_id, at=there.clock.now(), by=access.actor()
        )
    except TokenNotKeptError as error:
        if as_json:
            return jsonify(message=str(error)), 409
        flash(str(error), "error")
        return redirect(url_for("admin.sources.index"))
    return jsonify(curl=_curl(shown)) if as_json else _token_page(shown, new=False)


@blueprint.get("/<int:source_id>/rotate")
@access.open_to(Role.ADMIN)
def ask_to_rotate(source_id: int) -> str:
    """Ask how long the present token is still taken."""
    return render_template("admin/sources/rotate.html", form=RotateForm(), source=_source(source_id))


@blueprint.post("/<int:source_id>/rotate")
@access.open_to(Role.ADMIN)
def rotate(source_id: int) -> ResponseReturnValue:
    """Give a source a new token and show it."""
    source, form, there = _source(source_id), RotateForm(), services()
    if not form.validate_on_submit():
        return render_template("admin/sources/rotate.html", form=form, source=source), 400
    made = sources.rotate_token(
        there.record,
        admin_services().tokens,
        source_id=source_id,
        at=there.clock.now(),
        overlap=timedelta(hours=form.overlap.data),
        by=access.actor(),
    )
    return _token_page(made, new=True)


@blueprint.post("/<int:source_id>/test")
@access.open_to(Role.ADMIN)
def test(source_id: int) -> ResponseReturnValue:
    """Take a test alert of the source: it escalates as any other."""
    source, there = _source(source_id), services()
    try:
        accepted = sources.send_test_alert(
            there.record, there.config, source_id=source_id, at=there.clock.now(), by=access.actor()
        )
    except InvalidTokenError:
        flash(_("%(name)s is off: turn it on first.", name=source.name), "error")
        return redirect(url_for("admin.sources.index"))
    except LicenseInactiveError:
        flash(_("The license is not active."), "error")
        return redirect(url_for("admin.sources.index"))
    there.wakeup.notify()
    if accepted.status is EventStatus.THROTTLED:
        flash(_("The test alert was throttled: the license has had too many alerts just now."), "warning")
    else:
        flash(_("The test alert is event %(id)s, and it escalates now.", id=accepted.event_id), "success")
    return redirect(url_for("admin.sources.index"))


def _source(source_id: int) -> AlertSource:
    with services().record.read() as work:
        source = work.sources.get(source_id)
    if source is None:
        abort(404)
    access.require_visible(source.license_id)
    return source


def _change(source: AlertSource, change: SourceChange) -> AlertSource:
    there = services()
    return sources.change_source(there.record, source.id, change, at=there.clock.now(), by=access.actor())


def _token_page(made: NewSource, *, new: bool) -> str:
    kept = services().config.web.keep_source_tokens
    return render_template("admin/sources/token.html", made=made, curl=_curl(made), new=new, kept=kept)


def _curl(made: NewSource) -> str:
    document = examples.of_kind(made.source.kind).document()
    return examples.curl(services().config.web.public_url, made.token, document)


def _form(source: AlertSource | None = None, **values: object) -> SourceForm:
    form = SourceForm(**values)
    if source is not None:
        del form.license
        return form
    with services().record.read() as work:
        form.license.choices = choices((one.id, one.name) for one in access.visible_licenses(work))
    if not form.is_submitted() and access.scope().chosen is not None:
        form.license.data = access.scope().chosen
    return form
