"""The web processes: they take alerts, acknowledgements and providers' callbacks, and show what is going on."""

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from web import ack, admin, callbacks, errors, health, ingest, media, metrics, openapi
from web.converters import EventIdConverter
from web.errors import LARGEST_REQUEST
from web.ingest.fast_way import FastWay
from web.security import harden, headers_of_all
from web.services import EXTENSION, WebServices


def create_app(services: WebServices) -> Flask:
    """Return the application. It keeps no state of its own: everything is in the record."""
    app = Flask(__name__)
    app.config.update(
        # One byte more: of a body without a length Werkzeug gives what fits, and does not tell that it was cut off.
        MAX_CONTENT_LENGTH=LARGEST_REQUEST + 1,
        MAX_FORM_MEMORY_SIZE=LARGEST_REQUEST,
        BOOTSTRAP_SERVE_LOCAL=True,
        # Assets are part of a release; a day spares phones the download without outliving one for long.
        SEND_FILE_MAX_AGE_DEFAULT=86400,
    )
    app.extensions[EXTENSION] = services
    over_tls = services.config.web.public_url.startswith("https:")
    app.wsgi_app = FastWay(app.wsgi_app, services, headers_of_all(over_tls=over_tls))  # type: ignore[method-assign] # as documented
    if proxies := services.config.web.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign] # as documented
    app.url_map.converters["event_id"] = EventIdConverter
    # Whatever else stands for a number in an address is an id, too.
    app.url_map.converters["int"] = EventIdConverter
    metrics.register(app)
    Bootstrap5(app)
    errors.register(app)
    harden(app, over_tls=over_tls)
    for part in (ingest, ack, callbacks, media, health, metrics, openapi):
        app.register_blueprint(part.blueprint)
    app.register_blueprint(callbacks.voice_blueprint)
    if services.admin is not None:
        admin.register(app, services.admin.session_key, over_tls=over_tls)
    return app
