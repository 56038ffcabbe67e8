"""The form of contacts."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectField, StringField, SubmitField, TelField
from wtforms.validators import InputRequired, Length, Optional

_NUMBER = {"autocomplete": "off", "placeholder": "+15550100"}


class ContactForm(FlaskForm):
    """A contact as they are set up or changed; fields that do not apply are left out."""

    license = SelectField(_("License"), coerce=int)
    name = StringField(
        _("Name"),
        [InputRequired(), Length(1, 200)],
        description=_("As others hear and read it: “Ana has it”."),
        render_kw={"autocomplete": "off"},
    )
    phone = TelField(
        _("Phone"),
        [InputRequired(), Length(max=30)],
        description=_("With + and the country code."),
        render_kw=_NUMBER,
    )
    whatsapp = TelField(
        _("WhatsApp number"),
        [Optional(), Length(max=30)],
        description=_("Empty: the same as the phone."),
        render_kw=_NUMBER,
    )
    language = SelectField(_("Language"), description=_("In which they are called and written to."))
    pin = PasswordField(
        _("PIN"),
        [Optional(), Length(max=20)],
        description=_("4 to 10 digits. Whoever answers the phone must key it in after 1. Empty: no PIN is asked for."),
        render_kw={"autocomplete": "new-password", "inputmode": "numeric"},
    )
    remove_pin = BooleanField(_("Ask for no PIN any more"))
    enabled = BooleanField(_("Is told of alerts"))
    submit = SubmitField(_("Save"))
