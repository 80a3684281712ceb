"""Uploading pictures, and saying what they show."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from server.api.access import Errand, Work, reads, runs, writes
from server.api.errors import Unprocessable
from server.api.parameters import Given, SentFile, given
from server.api.routing import router
from server.mastodon.entities.media import MediaAttachment
from server.mastodon.serialize.media import medium_of
from server.organizing.media import service
from server.organizing.media.files import FOLDER, MediaFiles

routes = router()


def _focus(value: Any) -> Any:
    """`0.5,-0.25` as two numbers; what is none says nothing."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        x, y = (max(-1.0, min(1.0, float(part))) for part in parts)
    except (TypeError, ValueError):
        return None
    return (x, y) if x == x and y == y else None


class Described(Given):
    """What stands for a picture."""

    description: str | None = None
    focus: Annotated[tuple[float, float] | None, BeforeValidator(_focus)] = None


class Upload(Described):
    """A picture that comes in."""

    file: Any


@routes.post("/api/v2/media")
@routes.post("/api/v1/media")
async def upload(
    errand: Annotated[Errand, runs("write:media")], new: Annotated[Upload, given(Upload)]
) -> MediaAttachment:
    """Takes a picture in; it hangs on nothing for a day at most."""
    files = files_of(errand)
    data = content_of(new.file)
    record = await service.store(files, owner=errand.me, data=data, description=new.description or "", focus=new.focus)
    async with errand.writing() as context:
        await service.keep(context, record=record)
        return medium_of(context, record)


@routes.get("/api/v1/media/{medium_id}")
async def show_medium(medium_id: str, work: Annotated[Work, reads("write:media")]) -> MediaAttachment:
    """A picture of one's own."""
    return medium_of(work.context, await service.own(work.context, owner=work.me, medium_id=medium_id))


@routes.put("/api/v1/media/{medium_id}")
async def describe_medium(
    medium_id: str, work: Annotated[Work, writes("write:media")], wanted: Annotated[Described, given(Described)]
) -> MediaAttachment:
    """Says what it shows, before it hangs on a status."""
    changed = await service.describe(
        work.context, owner=work.me, medium_id=medium_id, description=wanted.description, focus=wanted.focus
    )
    return medium_of(work.context, changed)


@routes.delete("/api/v1/media/{medium_id}")
async def delete_medium(medium_id: str, work: Annotated[Work, writes("write:media")]) -> dict[str, str]:
    """Deletes one that hangs on nothing."""
    await service.forget(work.context, owner=work.me, medium_id=medium_id)
    return {}


def files_of(errand: Errand) -> MediaFiles:
    """Where pictures are."""
    return MediaFiles(errand.assembly.settings.data_dir / FOLDER)


def content_of(file: Any) -> bytes:
    """The bytes of an uploaded file. Raises `Unprocessable` for what is no file, a film or a sound."""
    if not isinstance(file, SentFile):
        raise Unprocessable("Validation failed: File is missing")
    if file.media_type.startswith(("audio/", "video/")):
        raise Unprocessable("Validation failed: this server takes pictures, and no sound or film")
    return file.content
