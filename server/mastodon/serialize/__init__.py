"""Rows and wire types as entities, many at a time: a handful of queries however long the list."""
