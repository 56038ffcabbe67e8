"""Measuring in a process of its own: what this one has freed before would be counted as nothing."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST = 1800.0


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the function in a new process and return what it returned."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args, **kwargs).result(_LONGEST)
