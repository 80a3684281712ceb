"""Pictures as entities: those of this server, and those of others, which are shown through it."""

from typing import Any

from federation.context import Context
from federation.vocabulary.attachments import Attachment
from server.mastodon.entities.media import MediaAttachment
from server.organizing.media.pictures import Size
from server.organizing.media.proxied import proxied_address
from server.organizing.media.records import Record
from server.organizing.media.service import address_of
from server.organizing.posts.records import StoredPost


def medium_of(context: Context, record: Record) -> MediaAttachment:
    """A picture of one's own."""
    meta: dict[str, Any] = {"original": _details(record.size), "small": _details(record.small_size)}
    if record.focus is not None:
        meta["focus"] = {"x": record.focus[0], "y": record.focus[1]}
    return MediaAttachment(
        id=record.id,
        type="image",
        url=address_of(context.origin, record.id),
        preview_url=address_of(context.origin, record.id, "small"),
        meta=meta,
        description=record.description or None,
        blurhash=record.blurhash,
    )


def media_on(context: Context, post: StoredPost) -> list[MediaAttachment]:
    """What hangs on a post."""
    return [_attachment(context, post, place, medium) for place, medium in enumerate(post.content.attachments)]


def _attachment(context: Context, post: StoredPost, place: int, medium: Attachment) -> MediaAttachment:
    meta: dict[str, Any] = {}
    if medium.width is not None and medium.height is not None:
        meta["original"] = _details(Size(medium.width, medium.height))
    if medium.focus is not None:
        meta["focus"] = {"x": medium.focus[0], "y": medium.focus[1]}
    shown: dict[str, Any] = {"meta": meta, "description": medium.description or None, "blurhash": medium.blurhash}
    if post.row.local:
        medium_id, _, _ = medium.url.removeprefix(f"{context.origin}/media/").partition("/")
        small = address_of(context.origin, medium_id, "small")
        return MediaAttachment(id=medium_id, type="image", url=medium.url, preview_url=small, **shown)
    is_picture = medium.media_type.startswith("image/")
    proxied = proxied_address(context, post, place) if is_picture else None
    return MediaAttachment(
        id=f"{post.row.number}-{place}",
        type="image" if is_picture else "unknown",
        url=proxied,
        preview_url=proxied,
        remote_url=medium.url,
        **shown,
    )


def _details(size: Size) -> dict[str, Any]:
    return {
        "width": size.width,
        "height": size.height,
        "size": f"{size.width}x{size.height}",
        "aspect": size.width / size.height,
    }
