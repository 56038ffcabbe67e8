"""The filter of the list of calls."""

import re
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, Field, SearchField, SelectField
from wtforms.validators import Length, Optional, ValidationError

from gateway.model.call import CallOutcome
from gateway.ports.call_details import CallFilter
from web.admin.forms import choices

IN_PROGRESS = "in_progress"
OUTCOMES = {
    CallOutcome.ACKNOWLEDGED: _("Acknowledged"),
    CallOutcome.HANDED_OFF: _("Spoke to the operator"),
    CallOutcome.NO_KEY: _("Answered, no key"),
    CallOutcome.MACHINE: _("Answering machine"),
    CallOutcome.NO_ANSWER: _("Not answered"),
    CallOutcome.BUSY: _("Busy"),
    CallOutcome.DECLINED: _("Declined"),
    CallOutcome.INVALID_NUMBER: _("Number invalid"),
    CallOutcome.TRUNK_TROUBLE: _("Trunk trouble"),
    CallOutcome.CANCELLED: _("Not needed any more"),
    CallOutcome.LOST: _("End not seen"),
}
FIELDS = ("number", "outcome", "trunk", "since", "until")
_SEPARATORS = re.compile(r"[\s().\-/]+")
_NUMBER = re.compile(r"\+[0-9]{4,20}")


class FilterForm(FlaskForm):
    """Which calls are listed. It is sent by GET, so that a filtered list can be kept as a link."""

    class Meta:
        """It changes nothing, so that it needs no token."""

        csrf = False

    number = SearchField(_("Number called"), [Optional(), Length(max=40)], render_kw={"placeholder": "+15550123"})
    outcome = SelectField(
        _("Outcome"),
        choices=choices(
            [("", _("any")), (IN_PROGRESS, _("In progress")), *((one.value, name) for one, name in OUTCOMES.items())]
        ),
    )
    trunk = SelectField(_("Trunk"))
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])

    def validate_number(self, field: Field) -> None:
        """Take a number as people write it; it is looked for in full, because an index finds it then."""
        number = _SEPARATORS.sub("", field.data)
        field.data = f"+{number[2:]}" if number.startswith("00") else number
        if not _NUMBER.fullmatch(field.data):
            raise ValidationError(_("Write it in full, with + and the country's code."))

    def validate_until(self, field: Field) -> None:
        """Refuse a range that ends before it begins: its list would be empty for no visible reason."""
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError(_("This is before the first day."))

    def wanted(self, license_ids: frozenset[int] | None) -> CallFilter:
        """Return the filter, of these licenses. Days are those of UTC, and ``until`` is included."""
        outcome, last = self.outcome.data, self.until.data
        return CallFilter(
            license_ids=license_ids,
            number=self.number.data or None,
            outcome=CallOutcome(outcome) if outcome and outcome != IN_PROGRESS else None,
            in_progress=outcome == IN_PROGRESS,
            trunk=self.trunk.data or None,
            since=datetime.combine(self.since.data, time(), UTC) if self.since.data else None,
            # No day follows the last one of the calendar.
            until=datetime.combine(last + timedelta(days=1), time(), UTC) if last and last < date.max else None,
        )
