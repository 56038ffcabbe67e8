"""Benchmarks: ``make bench``. Each measures the gateway and, in the same run, something simpler to compare it with."""
