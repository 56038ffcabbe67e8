"""The forms of alert sources."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from gateway.model.event import Severity
from gateway.model.license import SourceKind
from web.admin.forms import choices

KINDS = {
    SourceKind.WEBHOOK: _("Webhook"),
    SourceKind.ANPR: _("Number plates (ANPR)"),
    SourceKind.PARKING: _("Parking"),
    SourceKind.SECURITY: _("Security panel"),
}
SEVERITIES = {Severity.INFO: _("Information"), Severity.WARN: _("Warning"), Severity.CRITICAL: _("Critical")}


class SourceForm(FlaskForm):
    """A source as it is set up or changed; ``license`` is left out where it cannot change."""

    license = SelectField(_("License"), coerce=int)
    kind = SelectField(_("Kind"), choices=choices((kind.value, name) for kind, name in KINDS.items()))
    name = StringField(
        _("Name"),
        [InputRequired(), Length(1, 200)],
        description=_("Which camera, panel or system it is."),
        render_kw={"autocomplete": "off"},
    )
    severity = SelectField(
        _("Severity"),
        choices=choices((severity.value, name) for severity, name in SEVERITIES.items()),
        default=Severity.WARN.value,
        description=_("For alerts that do not say."),
    )
    submit = SubmitField(_("Save"))


class RotateForm(FlaskForm):
    """How long the present token is still taken."""

    overlap = SelectField(
        _("The present token is still taken for"),
        choices=choices([(24, _("a day")), (1, _("an hour")), (168, _("a week")), (0, _("no time: it has leaked"))]),
        coerce=int,
        default=24,
    )
    submit = SubmitField(_("Make a new token"))
