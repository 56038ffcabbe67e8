"""The pages for those who set the gateway up and watch it: ``/admin``.

A part is a blueprint in a folder of its own (``views.py``, ``forms.py``, ``schemas.py``, templates under
``templates/admin/<part>/``) that is named in ``_PARTS``, with a tab in ``tabs.py``. Each view says whom it is open to
by ``access.open_to``. Changes are made by ``POST`` with a CSRF token, by a service that enters them in the audit log,
and answered by a redirect.
"""

from datetime import timedelta

from flask import Blueprint, Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from web.admin import (
    access,
    account,
    audit,
    calls,
    contacts,
    events,
    formats,
    guide,
    languages,
    licenses,
    limits,
    live,
    overview,
    quota,
    recorded_words,
    sources,
    tabs,
    trials,
    trunks,
    users,
)
from web.services import services

_PARTS = (
    overview.blueprint,
    events.blueprint,
    live.blueprint,
    sources.blueprint,
    contacts.blueprint,
    trials.blueprint,
    calls.blueprint,
    trunks.blueprint,
    quota.blueprint,
    guide.blueprint,
    licenses.blueprint,
    users.blueprint,
    audit.blueprint,
    account.blueprint,
)

_SESSION = timedelta(hours=12)
# Long enough for a form that was left open over a night's shift.
_CSRF_SECONDS = int(_SESSION.total_seconds())

csrf = CSRFProtect()


def register(app: Flask, session_key: bytes, *, over_tls: bool) -> None:
    """Add the pages to the application, with sessions signed by ``session_key``."""
    app.secret_key = session_key
    app.config.update(
        SESSION_COOKIE_NAME="__Secure-tocsin" if over_tls else "tocsin",
        SESSION_COOKIE_PATH="/admin",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=over_tls,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=_SESSION,
        # The other parts are asked by machines, which have no session; here every request is looked at (see below).
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=_CSRF_SECONDS,
        # Behind a proxy that ends TLS the referrer's scheme is not ours.
        WTF_CSRF_SSL_STRICT=False,
        BOOTSTRAP_MSG_CATEGORY="info",
    )
    csrf.init_app(app)
    access.init_app(app)
    languages.init_app(app)
    limits.init_app(app)
    blueprint = Blueprint(
        "admin",
        __name__,
        url_prefix="/admin",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    blueprint.before_request(_guard)
    for part in _PARTS:
        blueprint.register_blueprint(part)
    blueprint.context_processor(_context)
    formats.register(app)
    recorded_words.init_app(app)
    app.register_blueprint(blueprint)


def _guard() -> ResponseReturnValue | None:
    if request.endpoint in {None, "admin.static"}:
        return None
    view = current_app.view_functions[str(request.endpoint)]
    refused = access.check(view)
    languages.prepare_forms()
    if refused is None and request.method not in {"GET", "HEAD", "OPTIONS"}:
        csrf.protect()
    return refused


def _context() -> dict[str, object]:
    """Return what every page shows: who is signed in, the tabs open to them, and their licenses."""
    there = access.user_or_none()
    if there is None:
        return {"me": None, "tabs": (), "licenses": (), "scope": None}
    with services().record.read() as work:
        licenses = access.visible_licenses(work)
    return {"me": there, "tabs": tabs.open_to(access.may), "licenses": licenses, "scope": access.scope()}
