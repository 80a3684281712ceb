"""How far one has read, for one's other devices."""

from typing import Annotated

from pydantic import BaseModel, Field

from server.api.access import Work, reads, writes
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.lists import Marker as Entity
from server.organizing.personal import markers
from server.organizing.personal.markers import LONGEST_ID, TIMELINES, Marker

routes = router()


class Read(BaseModel):
    """What was read last."""

    last_read_id: str = Field(max_length=LONGEST_ID, coerce_numbers_to_str=True)


class Marked(Given):
    """How far in which timeline."""

    home: Read | None = None
    notifications: Read | None = None


class Asked(Given):
    """Which timelines."""

    timeline: list[str] = []


@routes.get("/api/v1/markers")
async def show_markers(
    work: Annotated[Work, reads("read:statuses")], wanted: Annotated[Asked, given(Asked)]
) -> dict[str, Entity]:
    """The markers that are asked for; that of notifications always, as some clients fail without it."""
    found = await markers.markers_of(work.context, work.me)
    nothing = Marker("0", 0, work.context.now.replace(microsecond=0))
    asked = {*(wanted.timeline or TIMELINES), "notifications"}
    known = {"notifications": nothing} | found
    return {name: _entity(marker) for name, marker in known.items() if name in asked}


@routes.post("/api/v1/markers")
async def move_markers(
    work: Annotated[Work, writes("write:statuses")], wanted: Annotated[Marked, given(Marked)]
) -> dict[str, Entity]:
    """Moves what is given."""
    moved = {}
    for name, read in (("home", wanted.home), ("notifications", wanted.notifications)):
        if read is not None:
            moved[name] = _entity(
                await markers.mark(work.context, owner=work.me, timeline=name, last_read=read.last_read_id)
            )
    return moved


def _entity(marker: Marker) -> Entity:
    return Entity(last_read_id=marker.last_read, version=marker.version, updated_at=marker.updated)
