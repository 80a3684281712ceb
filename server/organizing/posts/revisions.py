"""Keeps what posts said before they were edited: as sealed as the post, the latest versions only, gone with it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from federation.vocabulary.objects import Attachment
from models import PostEdit
from server.organizing.numbers import draw_number
from server.organizing.posts.content import PostContent
from server.organizing.posts.records import StoredPost, scope_of_post

MOST_KEPT = 20
"""Earlier versions of one post; then the oldest goes."""

LONGEST_KEPT = 50_000
"""Characters of a version that is kept; others write as much as ten times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a post said from a moment on."""

    moment: datetime
    html: str
    summary: str | None = None
    sensitive: bool = False
    options: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


async def keep(context: Context, post: StoredPost, *, random: Random = os.urandom) -> None:
    """Keeps what a post says now. Call it before the content is replaced by an edit. Flushes."""
    if len(post.content.html) > LONGEST_KEPT:
        return
    row = PostEdit(id=random_id(random), post_id=post.id, number=draw_number(context.now, random))
    text = json.dumps(_plain(_version(post.content)), ensure_ascii=False)
    if post.audience.is_open:
        row.document = text
    else:
        cell = Cell("post_edits", "sealed_document", row.id, await scope_of_post(context, post.row))
        row.sealed_document = await context.vault.seal(cell, text.encode())
    context.session.add(row)
    await context.session.flush()
    kept = select(col(PostEdit.id)).where(col(PostEdit.post_id) == post.id).order_by(col(PostEdit.number).desc())
    surplus = (await context.session.execute(kept.offset(MOST_KEPT))).scalars().all()
    await context.session.execute(delete(PostEdit).where(col(PostEdit.id).in_(surplus)))


async def versions_of(context: Context, post: StoredPost) -> list[Version]:
    """What a post said, oldest first, as far as it is kept; last what it says now. For whoever sees the post."""
    asked = select(PostEdit).where(col(PostEdit.post_id) == post.id).order_by(col(PostEdit.number))
    scope = await scope_of_post(context, post.row)
    versions = []
    for row in (await context.session.execute(asked)).scalars():
        cell = Cell("post_edits", "sealed_document", row.id, scope)
        text = row.document or await context.vault.open(cell, row.sealed_document or b"")
        versions.append(_read(json.loads(text)))
    return [*versions, _version(post.content)]


def _version(content: PostContent) -> Version:
    return Version(
        moment=content.updated or content.published,
        html=content.html,
        summary=content.summary,
        sensitive=content.sensitive,
        options=content.poll.options if content.poll else (),
        attachments=content.attachments,
    )


def _plain(version: Version) -> dict[str, Any]:
    return asdict(version) | {"moment": version.moment.isoformat()}


def _read(values: Mapping[str, Any]) -> Version:
    return Version(
        **(
            dict(values)
            | {
                "moment": datetime.fromisoformat(values["moment"]),
                "options": tuple(values["options"]),
                "attachments": tuple(Attachment(**attachment) for attachment in values["attachments"]),
            }
        )
    )
