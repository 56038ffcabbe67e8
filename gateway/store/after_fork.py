"""What must not be shared with a forked child: connections, lock files, pipes.

A child of ``fork`` inherits open files with their locks and a database connection in the middle of its protocol. Each
owner of such a thing names a method here that lets go of it in the child, without a word to the other side.
"""

import os
import weakref
from collections.abc import Callable

_forgetters: set[weakref.WeakMethod[Callable[[], None]]] = set()


def in_child(method: Callable[[], None]) -> None:
    """Call this bound method in every forked child, as long as its owner lives."""
    _forgetters.add(weakref.WeakMethod(method, _forgetters.discard))


def _run() -> None:
    for reference in list(_forgetters):
        if (method := reference()) is not None:
            method()


os.register_at_fork(after_in_child=_run)
