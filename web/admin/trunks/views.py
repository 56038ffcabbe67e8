"""``/admin/trunks``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext as _

from gateway.config.schema import Config
from gateway.model.user import Role
from gateway.ports.call_details import CallFilter
from gateway.ports.heartbeats import TrunkState
from gateway.ports.phone import TWILIO
from gateway.services.trunk_board import TrunkCondition, condition_of, lines_now
from gateway.services.trunk_figures import trunk_figures
from web.admin import access
from web.admin.live.views import version_of
from web.services import services

blueprint = Blueprint("trunks", __name__, url_prefix="/trunks")

SPANS = {
    "1h": (timedelta(hours=1), _("last hour")),
    "24h": (timedelta(hours=24), _("last 24 hours")),
    "7d": (timedelta(days=7), _("last 7 days")),
    "30d": (timedelta(days=30), _("last 30 days")),
}
_USUAL_SPAN = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One trunk. ``state`` is ``None`` where no engine says how it is; ``where`` is told to superadmins alone.

    ``asked``: the phone system asks the carrier whether it is there; ``None`` where there is no carrier of ours.
    """

    name: str
    state: TrunkState | None
    condition: TrunkCondition | None
    system: str
    where: str | None
    asked: bool | None
    registers: bool


@blueprint.get("/")
@access.open_to(Role.ADMIN)
def index() -> str:
    """Show the trunks as they are, with the figures of the calls that the user may see."""
    there, shown = services(), access.scope().shown
    now = there.clock.now()
    span = request.args.get("span", "")
    span = span if span in SPANS else _USUAL_SPAN
    with there.record.read() as work:
        lines = lines_now(work.heartbeats.latest(), now)
        version = version_of(work, shown, engine_at=now)
    states = {one.trunk: one for one in lines.trunks} if lines is not None else {}
    trunks = _configured(there.config, states, with_host=access.may(Role.SUPERADMIN))
    wanted = CallFilter(license_ids=shown, since=now - SPANS[span][0])
    figures = trunk_figures(there.record, wanted, names=[one.name for one in trunks])
    return render_template(
        "admin/trunks/list.html",
        lines=lines,
        trunks=trunks,
        figures=figures,
        troubles=_troubles(figures),
        spans=SPANS,
        span=span,
        since=wanted.since,
        now=now,
        version=version,
    )


def _configured(config: Config, states: Mapping[str, TrunkState], *, with_host: bool) -> Sequence[Shown]:
    """Return the trunks in the order in which they are tried."""
    found = [
        Shown(
            name=trunk.name,
            state=states.get(trunk.name),
            condition=condition_of(states[trunk.name]) if trunk.name in states else None,
            system=f"Asterisk {trunk.node}",
            where=f"{trunk.host}:{trunk.port} {trunk.transport}" if with_host else None,
            asked=bool(trunk.qualify),
            registers=trunk.username is not None and trunk.register_,
        )
        for trunk in (config.asterisk.trunks if config.asterisk is not None else ())
    ]
    if config.twilio is not None and config.twilio.voice_from is not None:
        state = states.get(TWILIO)
        condition = condition_of(state) if state is not None else None
        found.append(
            Shown(
                name=TWILIO,
                state=state,
                condition=condition,
                system="Twilio",
                where=None,
                asked=None,
                registers=False,
            )
        )
    return found


def _troubles(figures: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return why calls did not get through the trunks, in words."""
    explain = services().explain_trouble
    return [
        {**trouble, "trunk": one["trunk"] or one["provider"]}
        | dict(explain(trouble["sip_cause"], trouble["hangup_cause"]) or {})
        for one in figures
        for trouble in one["trouble"]
    ]
