"""Holds the cryptography: bytes in, bytes out. Knows no HTTP library, no rows and no movements."""
