"""The description of the public HTTP interface."""

from web.openapi.views import blueprint

__all__ = ["blueprint"]
