"""The ports: what the product asks of the outside, as protocols.

The use cases and the actors know these and nothing of a vendor or of a database. Each
docstring says what an implementation must hold; ``docs/architecture.md`` has the
checklists for adding one.
"""
