"""``/admin/overview``."""

from flask import Blueprint, render_template

from gateway.model.user import Role
from gateway.services.attention import attention
from gateway.services.overview import overview
from web.admin import access
from web.admin.live.views import version_of
from web.services import services

blueprint = Blueprint("overview", __name__, url_prefix="/overview")


@blueprint.get("/")
@access.open_to(Role.VIEWER)
def index() -> str:
    """Show how things stand."""
    there, scope = services(), access.scope()
    now = there.clock.now()
    shown = overview(there.record, scope.shown, now)
    with there.record.read() as work:
        # What the engine says is part of this page, where the live part may ask for it.
        version = version_of(work, scope.shown, engine_at=now if access.may(Role.ADMIN) else None)
    return render_template(
        "admin/overview/index.html",
        shown=shown,
        parts=there.parts(),
        attention=attention(there.record, there.config, scope.shown, now),
        now=now,
        version=version,
        can_change=access.may(Role.ADMIN),
    )
