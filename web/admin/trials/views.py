"""``/admin/contacts/<id>/tests``."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.model.contact import Contact
from gateway.model.trial import TrialKind, TrialState
from gateway.model.user import Role
from gateway.services import trials
from gateway.services.call_details import call_document
from gateway.services.exceptions import TrialRefusedError
from web.admin import access
from web.admin.trials.story import headline, lines_of
from web.admin.trials.words import reason_words
from web.services import services

blueprint = Blueprint("trials", __name__, url_prefix="/contacts/<int:contact_id>/tests")


@blueprint.post("/call")
@access.open_to(Role.ADMIN)
def call(contact_id: int) -> ResponseReturnValue:
    """Ask the engine for a test call, and show what becomes of it."""
    return _begin(contact_id, TrialKind.CALL)


@blueprint.post("/message")
@access.open_to(Role.ADMIN)
def message(contact_id: int) -> ResponseReturnValue:
    """Ask the engine for a test message, and show what becomes of it."""
    return _begin(contact_id, TrialKind.MESSAGE)


@blueprint.get("/<int:trial_id>")
@access.open_to(Role.ADMIN)
def show(contact_id: int, trial_id: int) -> str:
    """Show how far a test has come."""
    contact, there = _contact(contact_id), services()
    now = there.clock.now()
    with there.record.read() as work:
        trial = work.trials.get(trial_id)
        if trial is None or trial.contact_id != contact_id:
            abort(404)
        legs = trials.legs_of(work, trial)
        license_ = work.licenses.get(trial.license_id)
        version = trials.version_of(work, trial_id, now)
    last = legs[-1] if legs else None
    return render_template(
        "admin/trials/show.html",
        trial=trial,
        contact=contact,
        license=license_,
        legs=legs,
        headline=headline(trial, last, now),
        lines=lines_of(trial, legs, now),
        explanation=there.explain_call(call_document(last)) if last is not None else None,
        # Reports of a message go on coming in: delivered, read.
        live=trial.state is not TrialState.OVER or trial.kind is TrialKind.MESSAGE,
        waiting=trial.state is not TrialState.OVER and not trial.is_stale(now),
        zone=license_.time_zone if license_ else "UTC",
        version=version,
        now=now,
    )


def _begin(contact_id: int, kind: TrialKind) -> ResponseReturnValue:
    contact, there = _contact(contact_id), services()
    try:
        trial = trials.ask(
            there.record,
            contact_id=contact_id,
            kind=kind,
            tiers=there.config.tiers,
            safety=there.config.call_safety.safety(),
            actor=access.actor(),
            at=there.clock.now(),
        )
    except TrialRefusedError as refused:
        flash(f"{contact.name}: {reason_words(refused.reason)}", "warning")
        return redirect(url_for("admin.contacts.index", _anchor=f"contact-{contact_id}"))
    there.wakeup.notify()
    return redirect(url_for(".show", contact_id=contact_id, trial_id=trial.id))


def _contact(contact_id: int) -> Contact:
    with services().record.read() as work:
        contact = work.contacts.get(contact_id)
    if contact is None:
        abort(404)
    access.require_visible(contact.license_id)
    return contact
