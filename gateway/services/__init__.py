"""The use cases, and the only writers of the record."""
