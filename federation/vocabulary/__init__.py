"""The wire types: lenient in, exact out. Plain JSON with known aliases, never JSON-LD processing."""

from typing import Any

Document = dict[str, Any]
"""A JSON document of the wire, as a plain mapping."""
