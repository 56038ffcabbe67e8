"""Telegram: how a license's owner is told."""
