"""What goes wrong when Asterisk is configured, started or stopped."""


class ProvisionError(Exception):
    """Asterisk could not be configured, started or stopped; the message says what to do about it."""
