"""The filter of the list of events."""

from datetime import UTC, date, datetime, time, timedelta

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, SearchField, SelectField
from wtforms.validators import Length, Optional

from gateway.model.event import EventStatus, Severity
from gateway.ports.event_lists import EventFilter
from web.admin.forms import choices
from web.admin.sources.forms import SEVERITIES

STATUSES = {
    EventStatus.OPEN: _("Open"),
    EventStatus.ACKNOWLEDGED: _("Acknowledged"),
    EventStatus.RESOLVED: _("Resolved"),
    EventStatus.EXHAUSTED: _("Exhausted"),
    EventStatus.THROTTLED: _("Throttled"),
}
_ANY = [("", _("any"))]


class FilterForm(FlaskForm):
    """Which events are listed. It is sent by GET, so that a filtered list can be kept as a link."""

    class Meta:
        """It changes nothing, so that it needs no token."""

        csrf = False

    text = SearchField(_("Title"), [Optional(), Length(max=200)])
    status = SelectField(_("Status"), choices=choices([*_ANY, *((one.value, name) for one, name in STATUSES.items())]))
    severity = SelectField(
        _("Severity"), choices=choices([*_ANY, *((one.value, name) for one, name in SEVERITIES.items())])
    )
    source = SelectField(_("Source"))
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])

    def wanted(self, license_ids: frozenset[int] | None) -> EventFilter:
        """Return the filter, of these licenses. Days are those of UTC, and ``until`` is included."""
        last = self.until.data
        return EventFilter(
            license_ids=license_ids,
            text=self.text.data or None,
            status=EventStatus(self.status.data) if self.status.data else None,
            severity=Severity(self.severity.data) if self.severity.data else None,
            source_id=int(self.source.data) if self.source.data else None,
            since=datetime.combine(self.since.data, time(), UTC) if self.since.data else None,
            # No day follows the last one of the calendar.
            until=datetime.combine(last + timedelta(days=1), time(), UTC) if last and last < date.max else None,
        )
