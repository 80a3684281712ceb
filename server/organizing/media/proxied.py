"""Pictures of other servers, fetched by this one, so that they do not learn who looks. Kept in memory only.

Nobody chooses what is fetched: an address names a place in a post that is kept here, and is of no use without the
keyed index of the picture's own address.
"""

import asyncio
import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from federation.fetch import ask
from federation.fetch_errors import FetchFailed
from federation.runtime import Federation
from models import Post
from server.organizing.media.pictures import LARGEST, TYPES, Picture
from server.organizing.media.service import prepare
from server.organizing.posts.records import StoredPost, opened_one
from server.organizing.refusal import Refused

KEEP_BYTES = 32 * 1024 * 1024
"""Of pictures that are kept in memory; what was asked for longest ago goes first."""
KEEP = 3_600.0
"""Seconds for which one is kept."""


def proxied_address(context: Context, post: StoredPost, place: int) -> str:
    """Where a picture of a post from elsewhere is shown."""
    tag = _tag(context, post.content.attachments[place].url)
    return f"{context.origin}/media/proxy/{post.row.number}/{place}/{tag}"


async def original_address(context: Context, *, number: int, place: int, tag: str) -> str | None:
    """The address of the picture at a place in a post, for whoever holds the tag that goes with it."""
    asked = select(Post).where(col(Post.number) == number, col(Post.deleted_at).is_(None), col(Post.local).is_(False))
    row = (await context.session.execute(asked)).scalar_one_or_none()
    attachments = (await opened_one(context, row)).content.attachments if row is not None else ()
    if not 0 <= place < len(attachments) or not attachments[place].media_type.startswith("image/"):
        return None
    url = attachments[place].url
    return url if hmac.compare_digest(_tag(context, url).encode(), tag.encode()) else None


@dataclass(slots=True)
class Proxy:
    """What this process fetched lately. One fetch at a time for each picture, however many ask."""

    _kept: "OrderedDict[str, tuple[float, Picture]]" = field(default_factory=OrderedDict)
    _under_way: "dict[str, asyncio.Task[Picture | None]]" = field(default_factory=dict)

    async def picture(self, federation: Federation, url: str) -> Picture | None:
        """The picture at an address, made anew like any upload; None when there is none to be had."""
        kept = self._kept.get(url)
        if kept is not None and time.monotonic() - kept[0] < KEEP:
            self._kept.move_to_end(url)
            return kept[1]
        task = self._under_way.get(url)
        if task is None:
            task = self._under_way[url] = asyncio.create_task(self._fetch(federation, url))
            task.add_done_callback(lambda _: self._under_way.pop(url, None))
        return await asyncio.shield(task)

    async def _fetch(self, federation: Federation, url: str) -> Picture | None:
        try:
            answer = await ask(federation, url, accept=", ".join(TYPES), largest=LARGEST)
            picture = await prepare(answer.body)
        except (FetchFailed, Refused):
            return None
        self._kept[url] = (time.monotonic(), picture)
        self._kept.move_to_end(url)
        while sum(len(other.original) for _, other in self._kept.values()) > KEEP_BYTES:
            self._kept.popitem(last=False)
        return picture


def _tag(context: Context, url: str) -> str:
    return context.vault.index("media.proxied", url).hex()
