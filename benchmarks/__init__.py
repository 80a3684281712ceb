"""Measures how fast the server is, the limits of the machine beside each figure. No tests; they talk to loopback only."""
