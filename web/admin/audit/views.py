"""``/admin/audit``."""

from flask import Blueprint, render_template, request, url_for

from gateway.model.user import Role
from web.admin import access
from web.converters import record_id
from web.services import services

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

_SHOWN = 50


@blueprint.get("/")
@access.open_to(Role.ADMIN)
def index() -> str:
    """Show the changes, the newest first."""
    before_id = request.args.get("before", type=record_id)
    with services().record.read() as work:
        entries = work.audit.list(license_ids=access.scope().shown, before_id=before_id, limit=_SHOWN + 1)
        names = access.licenses_of(None, work)
    shown = entries[:_SHOWN]
    older = url_for("admin.audit.index", before=shown[-1].id) if len(entries) > _SHOWN else None
    newest = url_for("admin.audit.index") if before_id is not None else None
    return render_template("admin/audit/list.html", entries=shown, names=names, older=older, newest=newest)
