"""How often one address may try to sign in. Each web process counts by itself."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

SIGN_INS = "10 per minute; 60 per hour"

limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)


def init_app(app: Flask) -> None:
    """Set up Flask-Limiter. Nothing is limited but what says so."""
    limiter.init_app(app)
