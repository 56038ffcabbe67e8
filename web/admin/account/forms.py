"""The forms of one's own account."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField, StringField, SubmitField
from wtforms.validators import EqualTo, InputRequired, Length

from gateway.services.passwords import LONGEST, SHORTEST


class SignInForm(FlaskForm):
    """E-mail address and password."""

    # A field of type "email" may not ask a password manager for the user's name (HTML, 4.10.18.7.1).
    email = StringField(
        _("E-mail"),
        [InputRequired()],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "inputmode": "email", "autofocus": True},
    )
    password = PasswordField(_("Password"), [InputRequired()], render_kw={"autocomplete": "current-password"})
    submit = SubmitField(_("Sign in"))


class PasswordForm(FlaskForm):
    """A new password, by whoever knows the present one."""

    present = PasswordField(_("Present password"), [InputRequired()], render_kw={"autocomplete": "current-password"})
    password = PasswordField(
        _("New password"),
        [InputRequired(), Length(SHORTEST, LONGEST)],
        description=_(
            "%(shortest)s characters or more. A few unusual words are better than one with symbols.", shortest=SHORTEST
        ),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        _("New password again"),
        [EqualTo("password", _("The two passwords differ."))],
        render_kw={"autocomplete": "new-password"},
    )
    submit = SubmitField(_("Change password"), id="change-password")


class ProfileForm(FlaskForm):
    """Name and language."""

    name = StringField(_("Name"), [InputRequired(), Length(1, 200)], render_kw={"autocomplete": "name"})
    language = SelectField(_("Language"))
    submit = SubmitField(_("Save"))
