"""The command line, ``tocsin``: one module per group of commands."""

from gateway.app.cli.root import main

__all__ = ["main"]
