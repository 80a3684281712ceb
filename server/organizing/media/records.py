"""Keeps what is known of pictures, sealed, with the keys of their files. Decides nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import Cell, DataKey
from crypto.tokens import random_id
from federation.context import Context
from models import Medium
from server.organizing.media.pictures import Picture, Size
from server.vault import SERVER_SCOPE

UNUSED = timedelta(days=1)
"""How long a picture is kept that hangs on nothing."""

VERSIONS = ("original", "small")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One picture. `key` opens its files; `focus` is its middle, each part from -1 to 1."""

    id: str
    owner: str
    media_type: str
    size: Size
    small_size: Size
    blurhash: str
    key: DataKey
    description: str = ""
    focus: tuple[float, float] | None = None
    is_open: bool = False
    post_id: str | None = None

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)

    def cell(self, version: str) -> Cell:
        """Where a file's content belongs: it opens as no other version, and of no other picture."""
        return Cell("media", version, self.id, "file")


def record_of(owner: str, picture: Picture, description: str, focus: tuple[float, float] | None) -> Record:
    """A new record for a picture that was made."""
    return Record(
        id=random_id(),
        owner=owner,
        media_type=picture.media_type,
        size=picture.size,
        small_size=picture.small_size,
        blurhash=picture.blurhash,
        key=DataKey.generate(),
        description=description,
        focus=focus,
    )


async def put(context: Context, record: Record, *, expires_at: datetime | None) -> None:
    """Adds or replaces a record."""
    row = await context.session.get(Medium, record.id) or Medium(id=record.id)
    row.owner_index = owner_index(context, record.owner)
    row.post_id = record.post_id
    row.expires_at = expires_at
    row.sealed_record = await context.vault.seal(_cell(record.id), _packed(record))
    context.session.add(row)
    await context.session.flush()


async def find(context: Context, medium_id: str) -> Record | None:
    """A picture by its id."""
    if not medium_id.isalnum() or not medium_id.isascii():
        return None
    row = await context.session.get(Medium, medium_id)
    return await _opened(context, row) if row is not None else None


async def find_all(context: Context, medium_ids: Sequence[str]) -> dict[str, Record]:
    """Those of several that there are, by id."""
    rows = (await context.session.execute(select(Medium).where(col(Medium.id).in_(medium_ids)))).scalars()
    return {row.id: await _opened(context, row) for row in rows}


async def remove(context: Context, medium_ids: Sequence[str]) -> None:
    """Forgets pictures: from then on nothing opens their files, which are swept."""
    await context.session.execute(delete(Medium).where(col(Medium.id).in_(medium_ids)))


async def take_down(context: Context, post_id: str, *, but: Sequence[str]) -> None:
    """Forgets what hangs on a post, but for these."""
    gone = delete(Medium).where(col(Medium.post_id) == post_id, col(Medium.id).not_in(but))
    await context.session.execute(gone)


async def remove_all_of(context: Context, owner: str) -> None:
    """Forgets all of an actor's pictures."""
    await context.session.execute(delete(Medium).where(col(Medium.owner_index) == owner_index(context, owner)))


async def count_unused(context: Context, owner: str) -> int:
    """How many of an actor's pictures hang on nothing yet."""
    mine = col(Medium.owner_index) == owner_index(context, owner)
    rows = await context.session.execute(select(col(Medium.id)).where(mine, col(Medium.expires_at).is_not(None)))
    return len(rows.all())


async def forget_unused(context: Context) -> None:
    """Forgets what hung on nothing for a day."""
    await context.session.execute(delete(Medium).where(col(Medium.expires_at) <= context.now))


async def known_among(context: Context, medium_ids: Sequence[str]) -> set[str]:
    """Those of several for which there is a row."""
    rows = await context.session.execute(select(col(Medium.id)).where(col(Medium.id).in_(medium_ids)))
    return set(rows.scalars())


def owner_index(context: Context, owner: str) -> bytes:
    """The index of an actor as one who uploads."""
    return context.vault.index("media.owner", owner)


def _packed(record: Record) -> bytes:
    fields = asdict(record) | {"key": [record.key.id.hex(), record.key.secret.hex()]}
    return json.dumps(fields).encode()


async def _opened(context: Context, row: Medium) -> Record:
    fields = json.loads(await context.vault.open(_cell(row.id), row.sealed_record))
    key_id, secret = (bytes.fromhex(part) for part in fields["key"])
    made = {"key": DataKey(key_id, secret), "size": Size(**fields["size"]), "small_size": Size(**fields["small_size"])}
    focus = tuple(fields["focus"]) if fields["focus"] is not None else None
    return Record(**(fields | made | {"focus": focus}))


def _cell(medium_id: str) -> Cell:
    return Cell("media", "sealed_record", medium_id, SERVER_SCOPE)
