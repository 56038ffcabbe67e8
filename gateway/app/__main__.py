"""``python -m gateway.app`` is the ``tocsin`` command."""

from gateway.app.cli import main

main()
