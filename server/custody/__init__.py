"""Custody of keys: where the root key comes from, what the database knows of it, and how every key is changed."""
