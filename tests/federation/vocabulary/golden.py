"""Where the golden files are: documents in the shape that other software sends, and ours as they leave."""

import json
from pathlib import Path

from federation.vocabulary import Document
from federation.vocabulary.documents import load_json

GOLDEN = Path(__file__).parents[2] / "golden"


def inbound(name: str) -> Document:
    """A document in the shape of another software: `mastodon/person`. Read as one from the network would be."""
    return load_json((GOLDEN / "inbound" / f"{name}.json").read_bytes())


def inbound_names() -> list[str]:
    """The names of all inbound files."""
    folder = GOLDEN / "inbound"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.json"))


def outbound(name: str) -> Document:
    """A document of ours as it must leave, without the `@context` that is the same for all (`context`)."""
    document: Document = json.loads((GOLDEN / "outbound" / f"{name}.json").read_text("utf-8"))
    return document


def outbound_names() -> list[str]:
    """The names of all outbound files."""
    return sorted(path.stem for path in (GOLDEN / "outbound").glob("*.json"))
