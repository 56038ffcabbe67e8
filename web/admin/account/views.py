"""``/admin/sign-in``, ``/admin/sign-out``, ``/admin/account`` and the choice of a license."""

from urllib.parse import urlsplit

import structlog
from babel import Locale
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from werkzeug.wrappers import Response as BaseResponse

from gateway.model.user import Role
from gateway.services import users
from web.admin import access, tabs
from web.admin.account.forms import PasswordForm, ProfileForm, SignInForm
from web.admin.forms import choices
from web.admin.languages import TAGS
from web.admin.limits import SIGN_INS, limiter
from web.converters import record_id
from web.services import admin_services, services

log = structlog.get_logger(__name__)

blueprint = Blueprint("account", __name__)


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def home() -> BaseResponse:
    """Go to the first tab."""
    return redirect(url_for(tabs.open_to(access.may)[0].endpoint))


@blueprint.get("/sign-in")
@access.open_to_all
def sign_in() -> ResponseReturnValue:
    """Ask for e-mail address and password."""
    if access.user_or_none() is not None:
        return redirect(url_for("admin.account.home"))
    return render_template("admin/account/sign_in.html", form=SignInForm())


@blueprint.post("/sign-in")
@limiter.limit(SIGN_INS)
@access.open_to_all
def take_sign_in() -> ResponseReturnValue:
    """Look at e-mail address and password. The answer does not tell which of the two was wrong."""
    form = SignInForm()
    there = services()
    if not form.validate_on_submit():
        return render_template("admin/account/sign_in.html", form=form), 400
    result = users.sign_in(
        there.record,
        admin_services().passwords,
        email=form.email.data,
        password=form.password.data,
        at=there.clock.now(),
        by=access.actor(),
    )
    if result.user is None:
        log.warning("sign_in_refused", locked=result.locked_until is not None, address=request.remote_addr)
        if result.locked_until is not None:
            flash(_("Too many wrong passwords. Try again in a while."), "error")
            return render_template("admin/account/sign_in.html", form=form), 429
        flash(_("E-mail or password is not right."), "error")
        return render_template("admin/account/sign_in.html", form=form), 401
    access.begin(result.user)
    log.info("signed_in", user_id=result.user.id, address=request.remote_addr)
    return redirect(_inside(request.args.get("next")))


@blueprint.post("/sign-out")
@access.open_to_all
def sign_out() -> BaseResponse:
    """End the session in this browser."""
    access.end()
    return redirect(url_for("admin.account.sign_in"))


@blueprint.get("/account")
@access.open_to(Role.VIEWER)
def profile() -> str:
    """Show one's own account."""
    return _account(_profile_form(), PasswordForm())


@blueprint.post("/account/profile")
@access.open_to(Role.VIEWER)
def save_profile() -> ResponseReturnValue:
    """Change one's name and language."""
    form, there = _profile_form(), services()
    if not form.validate_on_submit():
        return _account(form, PasswordForm()), 400
    change = users.UserChange(name=form.name.data, language=form.language.data)
    users.change_user(there.record, access.user().id, change, at=there.clock.now(), by=access.actor())
    refresh()
    flash(_("Saved."), "success")
    return redirect(url_for("admin.account.profile"))


@blueprint.post("/account/password")
@limiter.limit(SIGN_INS)
@access.open_to(Role.VIEWER)
def save_password() -> ResponseReturnValue:
    """Change one's password. It ends all other sign-ins of this user."""
    form, there, passwords = PasswordForm(), services(), admin_services().passwords
    if form.validate_on_submit() and not users.password_is_right(
        there.record, passwords, access.user(), form.present.data
    ):
        form.present.errors = [_("That is not your present password.")]
    if form.errors:
        return _account(_profile_form(), form), 400
    changed = users.set_password(
        there.record,
        passwords,
        user_id=access.user().id,
        password=form.password.data,
        at=there.clock.now(),
        by=access.actor(),
    )
    access.begin(changed)
    flash(_("Your password is changed. Other browsers are signed out."), "success")
    return redirect(url_for("admin.account.profile"))


@blueprint.post("/scope")
@access.open_to(Role.VIEWER)
def choose_license() -> BaseResponse:
    """Pick the license that all lists show."""
    wanted = request.form.get("license", type=record_id)
    if wanted is not None:
        access.require_visible(wanted)
        with services().record.read() as work:
            if work.licenses.get(wanted) is None:
                abort(404)
    access.choose(wanted)
    return redirect(_inside(request.form.get("next")))


def _account(profile_form: ProfileForm, password_form: PasswordForm) -> str:
    # Two forms stand on one page, where each id may stand once.
    password_form.csrf_token.id = "password-csrf_token"
    return render_template("admin/account/account.html", profile_form=profile_form, password_form=password_form)


def _profile_form() -> ProfileForm:
    me = access.user()
    form = ProfileForm(name=me.name, language=me.language or "")
    names = [(tag, str(Locale.parse(tag).display_name).capitalize()) for tag in TAGS]
    form.language.choices = choices([("", _("the browser's")), *names])
    return form


def _inside(address: str | None) -> str:
    """Return the address where it is one of these pages, else the first page: nobody is sent elsewhere by a link."""
    parts = urlsplit(address or "")
    path = parts.path
    if parts.scheme or parts.netloc or not path.startswith("/admin/") or "\\" in path or "//" in path:
        return url_for("admin.account.home")
    return f"{path}?{parts.query}" if parts.query else path
