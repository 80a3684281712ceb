"""The version of the running code, the same as in pyproject.toml (a test compares them)."""

VERSION = "0.1.0"
