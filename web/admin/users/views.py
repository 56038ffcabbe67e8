"""``/admin/users``."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway.model.user import Role, User
from gateway.services import users
from gateway.services.exceptions import InvalidValueError, ServiceError
from web.admin import access
from web.admin.forms import choices, refuse
from web.admin.users.forms import UserForm
from web.services import admin_services, services

blueprint = Blueprint("users", __name__, url_prefix="/users")


@blueprint.get("/")
@access.open_to(Role.SUPERADMIN)
def index() -> str:
    """List the users."""
    there = services()
    with there.record.read() as work:
        names = access.licenses_of(None, work)
    return render_template(
        "admin/users/list.html", users=users.list_users(there.record), names=names, now=there.clock.now()
    )


@blueprint.get("/new")
@access.open_to(Role.SUPERADMIN)
def new() -> str:
    """Ask for a new user."""
    return render_template("admin/users/form.html", form=_form(), user=None)


@blueprint.post("/new")
@access.open_to(Role.SUPERADMIN)
def add() -> ResponseReturnValue:
    """Record a new user."""
    form, there = _form(), services()
    if form.validate_on_submit():
        if not form.password.data:
            form.password.errors = [_("A new user needs a password.")]
        else:
            try:
                added = users.add_user(
                    there.record,
                    admin_services().passwords,
                    email=form.email.data,
                    name=form.name.data or "",
                    role=Role(form.role.data),
                    license_ids=form.licenses.data,
                    password=form.password.data,
                    at=there.clock.now(),
                    by=access.actor(),
                )
            except ServiceError as error:
                refuse(form, error)
            else:
                flash(_("%(email)s may sign in now.", email=added.email), "success")
                return redirect(url_for("admin.users.index"))
    return render_template("admin/users/form.html", form=form, user=None), 400


@blueprint.get("/<int:user_id>")
@access.open_to(Role.SUPERADMIN)
def edit(user_id: int) -> str:
    """Show a user for changes."""
    user = _user(user_id)
    form = _form(
        email=user.email,
        name=user.name,
        role=user.role.value,
        licenses=sorted(user.license_ids),
        enabled=user.enabled,
    )
    return render_template("admin/users/form.html", form=form, user=user)


@blueprint.post("/<int:user_id>")
@access.open_to(Role.SUPERADMIN)
def save(user_id: int) -> ResponseReturnValue:
    """Change a user."""
    user, form, there = _user(user_id), _form(), services()
    if form.validate_on_submit():
        try:
            if form.email.data.strip().lower() != user.email:
                raise InvalidValueError("email", _("cannot be changed: add another user"))
            change = users.UserChange(
                name=form.name.data or None,
                role=Role(form.role.data),
                license_ids=form.licenses.data,
                enabled=form.enabled.data,
            )
            users.change_user(there.record, user.id, change, at=there.clock.now(), by=access.actor())
            if form.password.data:
                users.set_password(
                    there.record,
                    admin_services().passwords,
                    user_id=user.id,
                    password=form.password.data,
                    at=there.clock.now(),
                    by=access.actor(),
                )
        except ServiceError as error:
            refuse(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("admin.users.index"))
    return render_template("admin/users/form.html", form=form, user=user), 400


def _user(user_id: int) -> User:
    with services().record.read() as work:
        user = work.users.get(user_id)
    return user if user is not None else abort(404)


def _form(**values: object) -> UserForm:
    form = UserForm(**values)
    with services().record.read() as work:
        form.licenses.choices = choices(access.licenses_of(None, work).items())
    return form
