"""The forms of users."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectField, SelectMultipleField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, Optional

from gateway.model.user import Role
from gateway.services.passwords import LONGEST, SHORTEST
from web.admin.forms import choices

ROLES = {
    Role.SUPERADMIN: _("Superadmin: everything, of all licenses"),
    Role.ADMIN: _("Admin: everything of their licenses"),
    Role.VIEWER: _("Viewer: looks at their licenses"),
}


class UserForm(FlaskForm):
    """A user as they are set up or changed. Without a ``password`` the present one stays."""

    email = EmailField(_("E-mail"), [InputRequired(), Length(3, 254)], render_kw={"autocomplete": "off"})
    name = StringField(_("Name"), [Optional(), Length(max=200)], render_kw={"autocomplete": "off"})
    role = SelectField(_("Role"), choices=choices((role.value, text) for role, text in ROLES.items()))
    licenses = SelectMultipleField(
        _("Licenses"), coerce=int, description=_("Which an admin or a viewer sees; a superadmin sees all.")
    )
    password = PasswordField(
        _("Password"),
        [Optional(), Length(SHORTEST, LONGEST)],
        description=_("%(shortest)s characters or more. Tell it to them in person.", shortest=SHORTEST),
        render_kw={"autocomplete": "new-password"},
    )
    enabled = BooleanField(_("May sign in"), default=True)
    submit = SubmitField(_("Save"))
