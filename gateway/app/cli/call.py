"""``tocsin call``: the calls that were made, and one to try a trunk."""

import click

from gateway.app.cli.call_records import call_export, call_list, call_show, call_trunks
from gateway.app.cli.call_testing import call_test


@click.group()
def call() -> None:
    """Phone calls: those that were made, and one to try a trunk."""


for each in (call_list, call_show, call_export, call_trunks, call_test):
    call.add_command(each)
