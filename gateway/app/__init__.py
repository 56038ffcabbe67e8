"""The composition root: it builds everything, and nothing imports it."""
