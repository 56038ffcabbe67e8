"""The actors: one per event and one per contact own each escalation.

They run in the engine process, on a small pool of threads. They hold nothing that the record
does not hold as well: an actor can be killed at any point and started again.
"""
