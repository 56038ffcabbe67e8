"""Fuzzing of whatever comes from outside: the interface, the callbacks, manager messages, configurations.

The usual run is small and the same each time. ``make fuzz`` looks for new examples and names its seed.
"""
