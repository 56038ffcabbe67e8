"""The schema's history, for Alembic. ``gateway.store.schema`` runs it; a new revision needs no other setting."""
