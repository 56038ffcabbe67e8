"""The words of the product: pure values and pure functions.

Nothing in this package reads a clock, does I/O or imports a library. Every
datetime is aware and in UTC; every length of time is a ``timedelta``.
"""
