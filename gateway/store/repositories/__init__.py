"""The repositories: SQL on one connection, rows to values and back."""
