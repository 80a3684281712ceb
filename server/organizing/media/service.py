"""Takes pictures in, describes them, hangs them on posts. Never commits; files are written before their row."""

import asyncio
from collections.abc import Sequence

from federation.context import Context
from federation.origin import Origin
from federation.vocabulary.attachments import Attachment
from models import LocalActor
from server.organizing.media import policy, records
from server.organizing.media.files import MediaFiles
from server.organizing.media.pictures import NotAPicture, Picture, Size, picture_of
from server.organizing.media.records import UNUSED, Record
from server.organizing.refusal import Refusal, Refused, require

PICTURE_SHAPE, BANNER_SHAPE = Size(400, 400), Size(1500, 500)
"""What actors look like: the one beside what they say, and the one above it."""

_TURNS = 2
"""Pictures that are made at a time: each takes up to a few hundred megabytes for a moment."""
_turns = asyncio.Semaphore(_TURNS)


async def prepare(data: bytes, *, shape: Size | None = None) -> Picture:
    """Makes a picture of an upload, in a thread, best before a transaction begins. Raises `Refused`."""
    async with _turns:
        try:
            return await asyncio.to_thread(picture_of, data, shape=shape)
        except NotAPicture as error:
            raise Refused(Refusal(str(error))) from error


async def store(
    files: MediaFiles,
    *,
    owner: LocalActor,
    data: bytes,
    shape: Size | None = None,
    description: str = "",
    focus: tuple[float, float] | None = None,
) -> Record:
    """Makes a picture of an upload and writes its files, before any transaction. Raises `Refused` and `OSError`.

    Nothing opens them before `keep`, and without it they are swept.
    """
    require(policy.may_describe(description))
    picture = await prepare(data, shape=shape)
    record = records.record_of(owner.id, picture, description, focus)
    await files.write(record, picture)
    return record


async def keep(context: Context, *, record: Record) -> None:
    """Keeps a stored picture that hangs on nothing yet. Raises `Refused`."""
    require(policy.may_upload(unused=await records.count_unused(context, record.owner)))
    await records.put(context, record, expires_at=context.now + UNUSED)


async def own(context: Context, *, owner: LocalActor, medium_id: str) -> Record:
    """One's own picture. Raises `Refused` for another's as for none."""
    record = await records.find(context, medium_id)
    if record is None or record.owner != owner.id:
        raise Refused(policy.NO_SUCH_MEDIUM)
    return record


async def describe(
    context: Context,
    *,
    owner: LocalActor,
    medium_id: str,
    description: str | None,
    focus: tuple[float, float] | None,
) -> Record:
    """Changes what stands for a picture, until it hangs on a post. Raises `Refused`."""
    record = await own(context, owner=owner, medium_id=medium_id)
    if record.post_id is not None:
        raise Refused(policy.NO_SUCH_MEDIUM)
    require(policy.may_describe(description or ""))
    changed = record.but(
        description=record.description if description is None else description, focus=focus or record.focus
    )
    await records.put(context, changed, expires_at=context.now + UNUSED)
    return changed


async def forget(context: Context, *, owner: LocalActor, medium_id: str) -> None:
    """Deletes a picture that hangs on nothing. Raises `Refused`."""
    record = await own(context, owner=owner, medium_id=medium_id)
    if record.post_id is not None:
        raise Refused(Refusal("The picture hangs on a post: delete that."))
    await records.remove(context, [medium_id])


async def take(
    context: Context, *, author: LocalActor, medium_ids: Sequence[str], on: str | None = None
) -> list[Record]:
    """The pictures for a post, in order: one's own that hang on nothing, or `on` that very post. Raises `Refused`."""
    if not medium_ids:
        return []
    found = await records.find_all(context, medium_ids)
    free = [medium for medium, record in found.items() if record.owner == author.id and record.post_id in (None, on)]
    require(policy.may_attach(medium_ids, found=free))
    return [found[medium] for medium in medium_ids]


async def hang(context: Context, *, pictures: Sequence[Record], post_id: str, is_open: bool) -> None:
    """Hangs pictures on a post, in the unit of work that makes or changes it. What hung there besides is forgotten."""
    await records.take_down(context, post_id, but=[record.id for record in pictures])
    for record in pictures:
        await records.put(context, record.but(post_id=post_id, is_open=is_open), expires_at=None)


async def wear(context: Context, *, actor: LocalActor, record: Record | None, banner: bool = False) -> None:
    """Makes a picture the one that an actor is known by, or takes that away; the one before is forgotten."""
    before = actor.banner_id if banner else actor.picture_id
    if before is not None:
        await records.remove(context, [before])
    if banner:
        actor.banner_id = record.id if record is not None else None
    else:
        actor.picture_id = record.id if record is not None else None
    context.session.add(actor)
    if record is not None:
        await records.put(context, record.but(is_open=True), expires_at=None)


def address_of(origin: Origin, medium_id: str, version: str = "original") -> str:
    """Where a picture is shown: whoever holds the address may see it, and nobody can guess one."""
    return f"{origin}/media/{medium_id}/{version}"


def attachment_of(origin: Origin, record: Record) -> Attachment:
    """A picture as it hangs on a post."""
    return Attachment(
        url=address_of(origin, record.id),
        media_type=record.media_type,
        description=record.description,
        width=record.size.width,
        height=record.size.height,
        blurhash=record.blurhash,
        focus=record.focus,
    )
