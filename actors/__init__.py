"""The actors: one per event and one per contact own each escalation."""
