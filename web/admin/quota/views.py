"""``/admin/quota``."""

from datetime import UTC, datetime

from babel.dates import format_skeleton
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from gateway.model.quota import EVENT_MARKS, VOICE_MARKS, minutes
from gateway.model.user import Role
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError
from gateway.services.quota import effective_tier, quota_status, time_zone
from gateway.services.quota_report import MonthFigures, past_months, quota_report
from web.admin import access
from web.admin.quota import charts
from web.services import services

blueprint = Blueprint("quota", __name__, url_prefix="/quota")

_SECONDS_A_MINUTE = 60
# A gauge is this wide, whatever is used.
_FULL = 100


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> ResponseReturnValue:
    """Show how each license stands this month; where there is but one, all about it."""
    there, shown = services(), access.scope().shown
    with there.record.read() as work:
        licenses = [one for one in access.visible_licenses(work) if shown is None or one.id in shown]
    if len(licenses) == 1:
        return redirect(url_for(".show", license_id=licenses[0].id))
    now = there.clock.now()
    rows = [(one, quota_status(there.record, there.config.tiers, license_id=one.id, at=now)) for one in licenses]
    return render_template("admin/quota/list.html", rows=rows, minutes=minutes, gauge=gauge)


@blueprint.get("/<int:license_id>")
@access.open_to(Role.VIEWER)
def show(license_id: int) -> str:
    """Show a license's month: what is used, by whom, what its owner was told, and the months before."""
    access.require_visible(license_id)
    there = services()
    try:
        report = quota_report(
            there.record,
            there.config.tiers,
            license_id=license_id,
            at=there.clock.now(),
            month=request.args.get("month") or None,
        )
    except (UnknownLicenseError, InvalidValueError):
        abort(404)
    return render_template(
        "admin/quota/show.html",
        report=report,
        status=report.status,
        marks=[(kind, percent, "voice") for kind, percent in VOICE_MARKS.items()]
        + [(kind, percent, "events") for kind, percent in EVENT_MARKS.items()],
        told={notice.kind: notice for notice in report.notices},
        present=report.months[-1].month.name,
        month_words=month_words,
        minutes=minutes,
        gauge=gauge,
        zone=str(time_zone(report.license)),
    )


@blueprint.get("/<int:license_id>/<any(voice, events):what>.svg")
@access.open_to(Role.VIEWER)
def chart(license_id: int, what: str) -> Response:
    """Draw the last twelve months of a license."""
    access.require_visible(license_id)
    there = services()
    try:
        months = past_months(there.record, license_id=license_id, at=there.clock.now())
    except UnknownLicenseError:
        abort(404)
    with there.record.read() as work:
        license_ = work.licenses.get(license_id)
    if license_ is None:
        abort(404)
    tier = effective_tier(there.config.tiers, license_)
    drawn = charts.by_month(
        labels=[_short(one) for one in months],
        values=[round(one.voice_seconds / _SECONDS_A_MINUTE, 1) if what == "voice" else one.events for one in months],
        name=_("Voice minutes") if what == "voice" else _("Events"),
        cap=tier.voice_minutes if what == "voice" else tier.events_per_month,
        cap_name=_("Cap"),
        style="dark" if request.args.get("theme") == "dark" else "light",
    )
    return Response(
        drawn,
        mimetype="image/svg+xml",
        headers={"Content-Security-Policy": charts.CONTENT_SECURITY_POLICY},
    )


def gauge(used: int, reserved: int, cap: int | None) -> dict[str, float]:
    """Return the widths of a gauge's parts, of 100 in all; without a cap nothing fills it."""
    if cap is None:
        return {"used": 0, "reserved": 0}
    if cap == 0:
        return {"used": _FULL, "reserved": 0}
    filled = min(_FULL, used * _FULL / cap)
    return {"used": round(filled, 2), "reserved": round(min(_FULL - filled, reserved * _FULL / cap), 2)}


def month_words(name: str) -> str:
    """Return a month such as ``2026-11`` in words."""
    return format_skeleton("yMMMM", _middle(name), locale=get_locale())


def _short(figures: MonthFigures) -> str:
    return format_skeleton("MMM", _middle(figures.month.name), locale=get_locale())


def _middle(name: str) -> datetime:
    # In the middle of a month no time zone makes it another one.
    return datetime.strptime(f"{name}-15", "%Y-%m-%d").replace(tzinfo=UTC)
