"""The least program over the federation library: a few actors and notes, most of it in memory. No Groundswell in it."""

from collections import abc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from federation.addressing import Recipient
from federation.context import Collection, Context, Gone, Viewer
from federation.identities import make_actor, make_keypairs
from federation.received import Received
from federation.table import ANY, Outcome, Table
from federation.vocabulary import Document
from federation.vocabulary.contexts import in_context
from models import LocalActor, ServerSetting

VERBS = ("Create", "Update", "Delete", "Announce", "Follow", "Undo", "Accept", "Like", "Move", "Flag", "Add")
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"

Deed = Callable[[Context, Received], Awaitable[Outcome]]


@dataclass
class Note:
    """A note, and who may see it: everybody when `readers` is None."""

    document: Document
    readers: frozenset[str] | None = None
    deleted: bool = False

    def is_for(self, viewer: Viewer) -> bool:
        """Whether this viewer may see it."""
        return self.readers is None or viewer.actor in self.readers


async def note_down(context: Context, received: Received) -> Outcome:
    """What the program does with everything: a row per activity, so that doing one twice would fail."""
    context.session.add(ServerSetting(name=received.activity.id[-64:], value=received.activity.type))
    await context.session.flush()
    return Outcome.DONE


@dataclass
class Program:
    """A `federation.application.Application`. `received` is what its handlers were given; `deed` is what they do."""

    deed: Deed = note_down
    notes: dict[str, Note] = field(default_factory=dict)
    activities: dict[str, Note] = field(default_factory=dict)
    known_types: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        rows = [(verb, ANY, self._handler(ANY)) for verb in VERBS]
        self.table = Table(
            [*rows, ("Create", "Vote", self._handler("Vote")), ("Undo", "Follow", self._handler("Follow"))]
        )

    def _handler(self, kind: str) -> Deed:
        async def handle(context: Context, received: Received) -> Outcome:
            self.received.append(received)
            self.kinds.append(kind)
            return await self.deed(context, received)

        return handle

    async def find_handle(self, context: Context, handle: str) -> LocalActor | None:
        """A local actor by its handle."""
        return (
            await context.session.execute(select(LocalActor).where(col(LocalActor.handle) == handle))
        ).scalar_one_or_none()

    async def actor_document(self, context: Context, actor: LocalActor) -> Document:
        """As little as other servers need."""
        uri = context.origin.actor(actor.id)
        key = {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": actor.public_key_pem}
        return in_context(
            {
                "id": uri,
                "type": actor.kind,
                "preferredUsername": actor.handle,
                "url": context.origin.profile(actor.handle),
                "inbox": f"{uri}/inbox",
                "outbox": f"{uri}/outbox",
                "publicKey": key,
            }
        )

    async def object_document(self, context: Context, object_id: str, viewer: Viewer) -> Document | None:
        """A note, for those who may see it."""
        note = self.notes.get(object_id)
        if note is None or not note.is_for(viewer):
            return None
        if note.deleted:
            raise Gone(in_context({"id": note.document["id"], "type": "Tombstone"}))
        return note.document

    async def activity_document(self, context: Context, activity_id: str, viewer: Viewer) -> Document | None:
        """An activity, for those who may see it."""
        activity = self.activities.get(activity_id)
        return activity.document if activity is not None and activity.is_for(viewer) else None

    async def collection(
        self, context: Context, actor: LocalActor, name: str, viewer: Viewer, cursor: str | None
    ) -> Collection | None:
        """The notes, two a page; nobody's followers; members for whoever signs."""
        if name == "outbox":
            ids = [note.document["id"] for note in self.notes.values() if note.is_for(viewer)]
            start = int(cursor or 0)
            return Collection(ids[start : start + 2], len(ids), str(start + 2) if len(ids) > start + 2 else None)
        if name == "members":
            return Collection((viewer.actor,), 1) if viewer.actor else Collection((), 0)
        return Collection()

    async def replies(self, context: Context, object_id: str, viewer: Viewer, cursor: str | None) -> Collection | None:
        """No note has any, but each could."""
        note = self.notes.get(object_id)
        return Collection((), 0) if note is not None and note.is_for(viewer) else None

    async def object_type(self, context: Context, uri: str) -> str | None:
        """What the test says is known, and local actors."""
        local = context.origin.locate(uri)
        if local is not None and local.kind == "actor":
            actor = await context.session.get(LocalActor, local.id)
            return None if actor is None else actor.kind
        return self.known_types.get(uri)

    async def needed_actors(self, context: Context, uris: abc.Collection[str]) -> set[str]:
        """None of them: notes hold all they need."""
        return set()

    async def members_on(self, context: Context, actor: LocalActor, host: str) -> list[Recipient]:
        """Nobody belongs to anything."""
        return []

    def node_info(self) -> Mapping[str, Any]:
        """What it says of itself."""
        software = {"name": "notebook", "version": "1.0", "homepage": "https://notebook.example/"}
        return {"software": software, "openRegistrations": False, "metadata": {"nodeName": "Notebook"}}

    async def write(
        self, context: Context, author: LocalActor, text: str, *, readers: frozenset[str] | None = None
    ) -> Document:
        """Adds a note, public unless it is for `readers` alone."""
        number = f"n{len(self.notes)}"
        uri = context.origin.object(number)
        document = in_context(
            {
                "id": uri,
                "type": "Note",
                "attributedTo": context.origin.actor(author.id),
                "content": f"<p>{text}</p>",
                "url": f"{context.origin.profile(author.handle)}/{number}",
                "published": "2026-06-07T20:00:00Z",
                "to": [PUBLIC] if readers is None else sorted(readers),
                "cc": [],
            }
        )
        self.notes[number] = Note(document, readers)
        return document


async def person(context: Context, handle: str) -> LocalActor:
    """A local person."""
    return await make_actor(context, kind="Person", handle=handle, keypairs=await make_keypairs())
