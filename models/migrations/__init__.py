"""Alembic revisions, from the first row on; run by `server/schema.py`, never by hand."""
