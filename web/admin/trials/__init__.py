"""Test calls and test messages to contacts, with their result as it happens."""

from web.admin.trials.views import blueprint

__all__ = ["blueprint"]
