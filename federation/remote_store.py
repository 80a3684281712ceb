"""Keeps what is known of actors elsewhere, sealed whole: not even their hosts can be read without the key."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlmodel import col

from crypto.keys import BadKey, PublicKey, load_public_pem, multikey_decode
from crypto.sealing import Cell
from federation.context import Context
from federation.upserts import insert_into
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor, parse_actor
from federation.vocabulary.documents import Malformed, load_json
from federation.webfinger import Handle
from models import RemoteActor, RemoteKey

LARGEST_ACTOR = 128 * 1024
"""Bytes of an actor's document that are kept; more is refused (HOSTILE-PEERS C13)."""

REVIEW_AFTER = timedelta(days=30)
"""How long an actor is kept unasked, from when it was fetched or was seen to be needed (`federation/review.py`)."""

KEEP_GONE = timedelta(days=7)
"""How long an actor that is gone is not asked for again: some come back when their own server relents."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An actor's row, opened: `actor` is None when only its state is kept or of use."""

    actor: Actor | None
    state: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class ResolvedKey:
    """A public key and the actor that owns it, each of them naming the other."""

    key_id: str
    owner: Actor
    public_key: PublicKey


async def load(context: Context, uri: str) -> Stored | None:
    """What is stored about an actor, None for nothing."""
    index = uri_index(context, uri)
    return await _open(context, col(RemoteActor.uri_index) == index)


async def known_actor(context: Context, uri: str) -> Actor | None:
    """An actor as last fetched, however long ago; None when unknown or gone. Suspended ones are still known."""
    stored = await load(context, uri)
    return None if stored is None else stored.actor


async def actors_by_id(context: Context, uris: Collection[str]) -> dict[str, Actor]:
    """Those of the actors that are known, by the id that each was asked for by."""
    by_index = {uri_index(context, uri): uri for uri in uris}
    return {actor.id: actor for actor in await known_actors(context, by_index)}


async def known_actors(context: Context, indexes: Collection[bytes]) -> list[Actor]:
    """The actors of these rows, as last fetched; those whose document is not kept, or is of no use, are left out."""
    found = await _opened(context, col(RemoteActor.uri_index).in_(indexes))
    return [stored.actor for stored in found if stored.actor is not None]


async def load_by_handle(context: Context, handle: Handle) -> Stored | None:
    """The actor that a handle was confirmed for."""
    return await _open(context, col(RemoteActor.handle_index) == _handle_index(context, handle))


async def load_by_key(context: Context, key_id: str) -> Stored | None:
    """The confirmed owner of a key."""
    owner = select(col(RemoteKey.owner_index)).where(col(RemoteKey.key_index) == _key_index(context, key_id))
    return await _open(context, col(RemoteActor.uri_index) == owner.scalar_subquery())


async def store_actor(context: Context, actor: Actor, document: Document) -> None:
    """Keeps an actor's document, which came from the actor's own origin. Never lifts a suspension.

    Keys within the document are the actor's own; those elsewhere are confirmed by `confirm_key`, and forgotten when
    the actor no longer lists them. Raises `Malformed` for a document of over 128 KiB.
    """
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    if len(plain) > LARGEST_ACTOR:
        raise Malformed("the actor is too big")
    index = uri_index(context, actor.id)
    sealed = await context.vault.seal(_cell(index), plain)
    row = insert_into(context, RemoteActor.__table__).values(  # type: ignore[attr-defined]
        uri_index=index,
        state="active",
        sealed_document=sealed,
        fetched_at=_minute(context.now),
        review_on=(context.now + REVIEW_AFTER).date(),
    )
    suspended = col(RemoteActor.state) == "suspended"
    await context.session.execute(
        row.on_conflict_do_update(
            index_elements=["uri_index"],
            set_={
                "sealed_document": row.excluded.sealed_document,
                "fetched_at": row.excluded.fetched_at,
                "state": case((suspended, "suspended"), else_="active"),
            },
        )
    )
    await _store_keys(context, actor, index)


async def _store_keys(context: Context, actor: Actor, owner: bytes) -> None:
    listed = [key.id for key in actor.keys]
    indexes = [_key_index(context, key_id) for key_id in listed]
    await context.session.execute(
        delete(RemoteKey).where(col(RemoteKey.owner_index) == owner, col(RemoteKey.key_index).not_in(indexes))
    )
    for key_id in listed:
        if key_id.partition("#")[0] == actor.id:
            await confirm_key(context, key_id, actor)


async def confirm_key(context: Context, key_id: str, owner: Actor) -> None:
    """Keeps that a key is an actor's, once the key's own document has said so too. The actor must be stored."""
    row = insert_into(context, RemoteKey.__table__).values(  # type: ignore[attr-defined]
        key_index=_key_index(context, key_id), owner_index=uri_index(context, owner.id)
    )
    await context.session.execute(
        row.on_conflict_do_update(index_elements=["key_index"], set_={"owner_index": row.excluded.owner_index})
    )


async def confirm_handle(context: Context, handle: Handle, uri: str) -> None:
    """Keeps that a handle stands for an actor, once both have said so; it stands for nobody else then."""
    index = _handle_index(context, handle)
    await context.session.execute(
        update(RemoteActor).where(col(RemoteActor.handle_index) == index).values(handle_index=None)
    )
    await context.session.execute(
        update(RemoteActor).where(col(RemoteActor.uri_index) == uri_index(context, uri)).values(handle_index=index)
    )


async def mark_gone(context: Context, uri: str) -> None:
    """Notes that a known actor's own server answered 410. It stays known for the Delete that follows, or a week."""
    await _set_state(context, uri, {"state": "gone"})


async def forget_actor(context: Context, uri: str, state: str = "gone") -> None:
    """Makes a known actor `gone`, blanking all that is known of it, or `suspended`, keeping it; others stay unknown.

    Other processes, and this one's memory of keys, notice within a minute.
    """
    changed: dict[str, object] = {"state": state}
    if state == "gone":
        changed |= {"sealed_document": None, "handle_index": None}
        owner = uri_index(context, uri)
        await context.session.execute(delete(RemoteKey).where(col(RemoteKey.owner_index) == owner))
    await _set_state(context, uri, changed)


async def _set_state(context: Context, uri: str, changed: dict[str, object]) -> None:
    await context.session.execute(
        update(RemoteActor)
        .where(col(RemoteActor.uri_index) == uri_index(context, uri))
        .values(fetched_at=_minute(context.now), **changed)
    )


async def sweep(context: Context) -> None:
    """Deletes what is left of actors that have been gone for a week."""
    await context.session.execute(
        delete(RemoteActor).where(
            col(RemoteActor.state) == "gone", col(RemoteActor.fetched_at) < context.now - KEEP_GONE
        )
    )


def key_of(actor: Actor, key_id: str) -> ResolvedKey | None:
    """The key of this id that the actor lists; None when it lists none that we can use."""
    entry = next((key for key in actor.keys if key.id == key_id), None)
    try:
        if entry is not None and entry.pem is not None:
            return ResolvedKey(key_id, actor, load_public_pem(entry.pem))
        if entry is not None and entry.multikey is not None:
            return ResolvedKey(key_id, actor, multikey_decode(entry.multikey))
    except BadKey:
        return None
    return None


async def _open(context: Context, condition: ColumnElement[bool]) -> Stored | None:
    found = await _opened(context, condition)
    return found[0] if found else None


async def _opened(context: Context, condition: ColumnElement[bool]) -> list[Stored]:
    statement = select(
        col(RemoteActor.uri_index),
        col(RemoteActor.sealed_document),
        col(RemoteActor.state),
        col(RemoteActor.fetched_at),
    ).where(condition)
    rows = (await context.session.execute(statement)).all()
    return [Stored(await _document(context, index, sealed), state, at) for index, sealed, state, at in rows]


async def _document(context: Context, index: bytes, sealed: bytes | None) -> Actor | None:
    if sealed is None:
        return None
    plain = await context.vault.open(_cell(index), sealed)
    try:
        return parse_actor(load_json(plain))
    except Malformed:
        # Kept by an older version that was less strict: to be fetched again.
        return None


def _minute(moment: datetime) -> datetime:
    # To the microsecond it would line up with other tables, and tell which server a new member is from.
    return moment.replace(second=0, microsecond=0)


def _cell(index: bytes) -> Cell:
    return Cell("remote_actors", "sealed_document", index.hex(), "server")


def uri_index(context: Context, uri: str) -> bytes:
    """The index of an actor's row."""
    return context.vault.index("remote_actors.uri", uri)


def _handle_index(context: Context, handle: Handle) -> bytes:
    return context.vault.index("remote_actors.handle", handle.key)


def _key_index(context: Context, key_id: str) -> bytes:
    return context.vault.index("remote_keys.id", key_id)
