"""Measures how fast the server is, with the limits of the machine beside it. No tests; they talk to loopback only."""
