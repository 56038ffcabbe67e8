"""Calls through Asterisk: its configuration, its manager interface, and what its answers mean."""
