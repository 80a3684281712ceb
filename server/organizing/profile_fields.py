"""The rows of a profile: kept as typed, shown with their links. Pure."""

import html as entities
import json
import re
from collections.abc import Sequence

from models import LocalActor

_ADDRESS = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_REL = "me nofollow noopener noreferrer"


def fields_of(actor: LocalActor) -> tuple[tuple[str, str], ...]:
    """Names and values of a local actor's rows, as typed."""
    return tuple((name, value) for name, value in json.loads(actor.fields))


def packed(fields: Sequence[tuple[str, str]]) -> str:
    """The rows as they are kept."""
    return json.dumps(fields, ensure_ascii=False)


def field_html(value: str) -> str:
    """A value as HTML: text, with web addresses as links that say they are the actor's own (`rel="me"`)."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(value):
        address = entities.escape(found[0])
        parts.append(entities.escape(value[end : found.start()]))
        parts.append(f'<a href="{address}" rel="{_REL}" target="_blank">{address}</a>')
        end = found.end()
    return "".join([*parts, entities.escape(value[end:])])


def shown_fields(actor: LocalActor) -> tuple[tuple[str, str], ...]:
    """The rows as others read them: names are text, values are HTML."""
    return tuple((name, field_html(value)) for name, value in fields_of(actor))
