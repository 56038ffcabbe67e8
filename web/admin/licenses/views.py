"""``/admin/licenses``."""

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway.config.mistakes import ConfigError
from gateway.config.schema import parse_e164
from gateway.model.license import License
from gateway.model.user import Role
from gateway.services import tenants
from gateway.services.call_safety import destination_refusal, in_words
from gateway.services.exceptions import InvalidValueError, ServiceError
from gateway.services.quota import effective_tier
from gateway.services.tenants import LicenseChange
from web.admin import access
from web.admin.forms import refuse
from web.admin.licenses import policy
from web.admin.licenses.forms import PAID, LicenseForm, license_form, time_zones
from web.admin.licenses.template_words import NAMES, message_languages
from web.admin.recorded_words import plain
from web.admin.speech_languages import language_name
from web.services import services

blueprint = Blueprint("licenses", __name__, url_prefix="/licenses")

_UNLIMITED, _TIERS = "unlimited", "tier"


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """List the licenses."""
    shown = access.scope().shown
    with services().record.read() as work:
        licenses = [one for one in access.visible_licenses(work) if shown is None or one.id in shown]
    return render_template(
        "admin/licenses/list.html",
        shown=licenses,
        language_name=language_name,
        can_add=access.may(Role.SUPERADMIN),
    )


@blueprint.get("/new")
@access.open_to(Role.SUPERADMIN)
def new() -> str:
    """Ask for a new license."""
    return _page(_form(None, timezone="UTC", language="en"), None)


@blueprint.post("/new")
@access.open_to(Role.SUPERADMIN)
def add() -> ResponseReturnValue:
    """Record a new license, active at once."""
    form, there = _form(None), services()
    if form.validate_on_submit():
        try:
            _check_operator(form, None)
            added = tenants.add_license(
                there.record,
                there.config,
                name=form.name.data,
                tier=form.tier.data,
                at=there.clock.now(),
                time_zone=form.timezone.data,
                language=form.language.data,
                owner_telegram=form.owner_telegram.data or None,
                handoff_number=form.handoff_number.data or None,
                policy={key: value for key, value in policy.wanted(form, {}).items() if value is not None},
                voice_minutes=_cap(form.voice_minutes.data),
                events_per_month=_cap(form.events_per_month.data),
                overdraft=form.overdraft.data,
                by=access.actor(),
            )
        except (ServiceError, ConfigError) as error:
            _refuse(form, error)
        else:
            flash(_("%(name)s is set up. Add its contacts and its alert sources now.", name=added.name), "success")
            return redirect(url_for("admin.licenses.show", license_id=added.id))
    return _page(form, None), 400


@blueprint.get("/<int:license_id>")
@access.open_to(Role.VIEWER)
def show(license_id: int) -> str:
    """Show a license: what it has, the policy that holds, and its own words."""
    license_, there = visible_license(license_id), services()
    with there.record.read() as work:
        people = sum(1 for one in work.contacts.of_license(license_id) if one.enabled)
        sources = sum(1 for one in work.sources.of_license(license_id) if one.enabled)
    try:
        held, problem = policy.rules(there.config.policy, license_.policy), None
    except ConfigError as error:
        held, problem = [], str(error)
    return render_template(
        "admin/licenses/show.html",
        license=license_,
        tier=effective_tier(there.config.tiers, license_),
        rules=held,
        problem=problem,
        people=people,
        sources=sources,
        names=NAMES,
        languages=message_languages(),
        language_name=language_name,
        can_change=access.may(Role.ADMIN),
    )


@blueprint.get("/<int:license_id>/edit")
@access.open_to(Role.ADMIN)
def edit(license_id: int) -> str:
    """Show a license for changes."""
    license_ = visible_license(license_id)
    form = _form(
        license_,
        name=license_.name,
        timezone=license_.time_zone,
        language=license_.language,
        owner_telegram=license_.owner_telegram,
        handoff_number=license_.handoff_number,
        active=license_.active,
        tier=license_.tier,
        voice_minutes=_cap_text(license_, "voice_minutes"),
        events_per_month=_cap_text(license_, "events_per_month"),
        overdraft=license_.overdraft,
        **{policy.PREFIX + key: policy.as_text(value) for key, value in license_.policy.items()},
    )
    return _page(form, license_)


@blueprint.post("/<int:license_id>/edit")
@access.open_to(Role.ADMIN)
def save(license_id: int) -> ResponseReturnValue:
    """Change a license."""
    license_, there = visible_license(license_id), services()
    form = _form(license_)
    if form.validate_on_submit():
        try:
            _check_operator(form, license_)
            change = _change(form, license_.policy)
            tenants.set_license(there.record, there.config, license_id, change, at=there.clock.now(), by=access.actor())
        except (ServiceError, ConfigError) as error:
            _refuse(form, error)
        else:
            flash(_("Saved. Escalations that run already go on as they began."), "success")
            return redirect(url_for("admin.licenses.show", license_id=license_id))
    return _page(form, license_), 400


def visible_license(license_id: int) -> License:
    """Return a license, or answer 404 where there is none that the present user may see."""
    access.require_visible(license_id)
    with services().record.read() as work:
        license_ = work.licenses.get(license_id)
    return license_ if license_ is not None else abort(404)


def _page(form: LicenseForm, license_: License | None) -> str:
    return render_template(
        "admin/licenses/form.html",
        form=form,
        license=license_,
        policy=policy,
        seldom=[policy.PREFIX + key for key in policy.SELDOM],
        zones=time_zones(),
    )


def _form(license_: License | None, **values: object) -> LicenseForm:
    form = license_form(services().config, license_, **values)
    if license_ is None:
        # It is active at once: whoever sets it up means it.
        del form.active
    if not access.may(Role.SUPERADMIN):
        for name in PAID:
            del form[name]
    return form


def _change(form: LicenseForm, present: Mapping[str, object]) -> LicenseChange:
    """Return what the form asks for; what a superadmin alone decides stays where the form does not have it."""
    change = LicenseChange(
        name=form.name.data,
        time_zone=form.timezone.data,
        language=form.language.data,
        owner_telegram=form.owner_telegram.data or "",
        handoff_number=form.handoff_number.data or "",
        policy=policy.wanted(form, present),
    )
    if "tier" not in form:
        return change
    return replace(
        change,
        active=form.active.data,
        tier=form.tier.data,
        voice_minutes=_cap(form.voice_minutes.data),
        events_per_month=_cap(form.events_per_month.data),
        overdraft=form.overdraft.data,
    )


def _refuse(form: LicenseForm, error: ServiceError | ConfigError) -> None:
    if isinstance(error, ConfigError):
        policy.refuse(form, error)
    else:
        refuse(form, error)


def _check_operator(form: LicenseForm, license_: License | None) -> None:
    """Raise ``InvalidValueError`` for a number that ``call_safety`` forbids, unless it stands there already."""
    given = (form.handoff_number.data or "").strip()
    if not given or (license_ is not None and given == license_.handoff_number):
        return
    try:
        number = parse_e164(given)
    except ValueError:
        return
    reason = destination_refusal(services().config.call_safety.safety(), number)
    if reason is not None:
        raise InvalidValueError(
            "handoff-number", _("would never be called: %(reason)s", reason=plain(in_words(reason)))
        )


def _cap(text: str | None) -> str:
    return (text or "").strip() or _TIERS


def _cap_text(license_: License, name: str) -> str:
    if name not in license_.caps:
        return ""
    cap = license_.caps[name]
    return _UNLIMITED if cap is None else str(cap)
