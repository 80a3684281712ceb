"""Filters: what somebody would rather not read, by words and by posts."""
