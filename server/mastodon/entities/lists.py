"""Lists and markers."""

from server.mastodon.entities.base import Entity, Moment


class List(Entity):
    """A list of those whom one follows."""

    id: str
    title: str
    replies_policy: str
    exclusive: bool


class Marker(Entity):
    """How far one has read in a timeline."""

    last_read_id: str
    version: int
    updated_at: Moment
