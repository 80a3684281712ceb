"""Movements and their circles: Group actors of this server."""
