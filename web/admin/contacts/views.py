"""``/admin/contacts``."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway.config.schema import parse_e164
from gateway.model.contact import Contact
from gateway.model.license import License
from gateway.model.user import Role
from gateway.model.whatsapp import UNKNOWN_REACH
from gateway.services import contacts, tenants
from gateway.services.call_safety import destination_refusal, in_words
from gateway.services.contacts import ContactChange
from gateway.services.exceptions import InvalidValueError, ServiceError
from web.admin import access
from web.admin.contacts.forms import ContactForm
from web.admin.contacts.reachability import Sign, signs
from web.admin.forms import choices, refuse
from web.admin.recorded_words import plain
from web.admin.speech_languages import language_choices, language_name
from web.converters import record_id
from web.services import services

blueprint = Blueprint("contacts", __name__, url_prefix="/contacts")

_FLAGS = ("phone", "whatsapp")
_UP, _DOWN = "up", "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A license with its contacts in their order, and what is known of reaching each."""

    license: License
    people: list[tuple[Contact, list[Sign]]]


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """List the contacts of each license in the order in which they are told."""
    there, shown = services(), access.scope().shown
    now = there.clock.now()
    with there.record.read() as work:
        licenses = [one for one in access.visible_licenses(work) if shown is None or one.id in shown]
        found = work.contacts.of_licenses(shown)
        reach = work.contacts.whatsapp_reach([one.id for one in found])
    people: dict[int, list[tuple[Contact, list[Sign]]]] = {}
    for one in found:
        known = signs(one, reach.get(one.whatsapp, UNKNOWN_REACH), there.config, now)
        people.setdefault(one.license_id, []).append((one, known))
    return render_template(
        "admin/contacts/list.html",
        groups=[Group(license=one, people=people.get(one.id, [])) for one in licenses],
        language_name=language_name,
        can_change=access.may(Role.ADMIN),
    )


@blueprint.get("/new")
@access.open_to(Role.ADMIN)
def new() -> str:
    """Ask for a new contact."""
    return render_template("admin/contacts/form.html", form=_new_form(), contact=None)


@blueprint.post("/new")
@access.open_to(Role.ADMIN)
def add() -> ResponseReturnValue:
    """Record a new contact, who is told last."""
    form, there = _new_form(), services()
    if form.validate_on_submit():
        access.require_visible(form.license.data)
        try:
            _check_destination(form.phone.data)
            added = tenants.add_contact(
                there.record,
                license_id=form.license.data,
                name=form.name.data,
                phone=form.phone.data,
                whatsapp=form.whatsapp.data or None,
                language=form.language.data or None,
                pin=form.pin.data or None,
                at=there.clock.now(),
                by=access.actor(),
            )
        except ServiceError as error:
            refuse(form, error)
        else:
            flash(_("%(name)s is told from the next alert on, as the last one.", name=added.name), "success")
            return _to_list(added)
    return render_template("admin/contacts/form.html", form=form, contact=None), 400


@blueprint.get("/<int:contact_id>")
@access.open_to(Role.ADMIN)
def edit(contact_id: int) -> str:
    """Show a contact for changes."""
    contact = _contact(contact_id)
    form = _edit_form(
        contact,
        name=contact.name,
        phone=contact.phone,
        whatsapp="" if contact.whatsapp == contact.phone else contact.whatsapp,
        language=contact.language,
        enabled=contact.enabled,
    )
    return render_template("admin/contacts/form.html", form=form, contact=contact)


@blueprint.post("/<int:contact_id>")
@access.open_to(Role.ADMIN)
def save(contact_id: int) -> ResponseReturnValue:
    """Change a contact."""
    contact = _contact(contact_id)
    form = _edit_form(contact)
    if form.validate_on_submit():
        try:
            changed = _change(contact, _wanted(contact, form))
        except ServiceError as error:
            refuse(form, error)
        else:
            flash(_("Saved. Escalations that run already go on as they began."), "success")
            return _to_list(changed)
    return render_template("admin/contacts/form.html", form=form, contact=contact), 400


@blueprint.post("/<int:contact_id>/enabled")
@access.open_to(Role.ADMIN)
def switch(contact_id: int) -> ResponseReturnValue:
    """Turn a contact on or off."""
    contact = _contact(contact_id)
    changed = _change(contact, ContactChange(enabled=not contact.enabled))
    if changed.enabled:
        flash(_("%(name)s is told from the next alert on.", name=changed.name), "success")
    else:
        flash(_("%(name)s is not told of new alerts any more.", name=changed.name), "warning")
    return _to_list(changed)


@blueprint.post("/<int:contact_id>/move")
@access.open_to(Role.ADMIN)
def move(contact_id: int) -> ResponseReturnValue:
    """Move a contact up or down by one place."""
    contact, there = _contact(contact_id), services()
    direction = request.form.get("to")
    if direction not in {_UP, _DOWN}:
        abort(400)
    places = -1 if direction == _UP else 1
    ordered = contacts.move_contact(there.record, contact_id, places, actor=access.actor(), at=there.clock.now())
    place = [one.id for one in ordered].index(contact_id) + 1
    flash(_("%(name)s is number %(place)s now.", name=contact.name, place=place), "success")
    return _to_list(contact)


@blueprint.post("/order/<int:license_id>")
@access.open_to(Role.ADMIN)
def order(license_id: int) -> ResponseReturnValue:
    """Put a license's contacts into another order, as after one of them was dragged."""
    access.require_visible(license_id)
    there, ids = services(), request.form.getlist("contact", type=record_id)
    try:
        contacts.order_contacts(there.record, license_id, ids, actor=access.actor(), at=there.clock.now())
    except InvalidValueError:
        flash(_("Somebody else has changed the contacts meanwhile: look again, then move them."), "warning")
    else:
        flash(_("The order is changed from the next alert on."), "success")
    return redirect(url_for("admin.contacts.index"))


@blueprint.post("/<int:contact_id>/clear-flags")
@access.open_to(Role.ADMIN)
def clear_flags(contact_id: int) -> ResponseReturnValue:
    """Forget that a contact could not be reached, so that they are tried again."""
    contact, there, which = _contact(contact_id), services(), request.form.get("which")
    if which not in _FLAGS:
        abort(400)
    contacts.clear_flags(
        there.record,
        contact_id,
        actor=access.actor(),
        at=there.clock.now(),
        whatsapp=which == "whatsapp",
        phone=which == "phone",
    )
    flash(_("%(name)s is tried again from the next alert on.", name=contact.name), "success")
    return _to_list(contact)


def _to_list(contact: Contact) -> ResponseReturnValue:
    return redirect(url_for("admin.contacts.index", _anchor=f"contact-{contact.id}"))


def _contact(contact_id: int) -> Contact:
    with services().record.read() as work:
        contact = work.contacts.get(contact_id)
    if contact is None:
        abort(404)
    access.require_visible(contact.license_id)
    return contact


def _change(contact: Contact, change: ContactChange) -> Contact:
    there = services()
    return contacts.set_contact(there.record, contact.id, change, actor=access.actor(), at=there.clock.now())


def _wanted(contact: Contact, form: ContactForm) -> ContactChange:
    """Return what the form asks to change. Raises ``InvalidValueError``."""
    if form.phone.data.strip() != contact.phone:
        _check_destination(form.phone.data)
    remove = "remove_pin" in form and form.remove_pin.data
    if remove and form.pin.data:
        raise InvalidValueError("pin", _("there is a new one, and none is to be asked for: choose one of both"))
    return ContactChange(
        name=form.name.data,
        phone=form.phone.data,
        whatsapp=form.whatsapp.data or "",
        language=form.language.data,
        enabled=form.enabled.data,
        pin="" if remove else form.pin.data or None,
    )


def _check_destination(phone: str) -> None:
    """Raise ``InvalidValueError`` for a number that ``call_safety`` forbids; what is no number is for the service."""
    try:
        number = parse_e164(phone.strip())
    except ValueError:
        return
    reason = destination_refusal(services().config.call_safety.safety(), number)
    if reason is not None:
        raise InvalidValueError("phone", _("would never be called: %(reason)s", reason=plain(in_words(reason))))


def _new_form() -> ContactForm:
    form = ContactForm()
    with services().record.read() as work:
        form.license.choices = choices((one.id, one.name) for one in access.visible_licenses(work))
    form.language.choices = language_choices(first=("", _("The license's")))
    del form.remove_pin, form.enabled
    if not form.is_submitted():
        form.license.data = request.args.get("license", type=record_id) or access.scope().chosen
    return form


def _edit_form(contact: Contact, **values: object) -> ContactForm:
    form = ContactForm(**values)
    form.language.choices = language_choices(contact.language)
    del form.license
    if contact.has_pin:
        form.pin.description = _("A PIN is set. Empty: it stays. To change it, enter 4 to 10 digits.")
    else:
        del form.remove_pin
    return form
