"""Hashtags that somebody follows, or shows on their profile."""
