"""Decides who is told of what happened, and in which words. Everything is looked up anew at the time of sending.

However many listen, who follows is one query; a status is made once for everybody, and once for each viewer at home.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from federation import follows
from federation.context import Context
from federation.remote_store import known_actors
from models import LocalActor, Post, Reaction
from server.mastodon.entities.base import Entity
from server.mastodon.serialize.notifications import conversations_of, notifications_of
from server.mastodon.serialize.statuses import statuses_of
from server.mastodon.streaming.connections import Connections, Message
from server.mastodon.streaming.lists import lists_with
from server.mastodon.streaming.streams import Stream, hashtags_of, may_listen, timelines_of
from server.organizing.conversations import queries as conversations
from server.organizing.conversations import records as conversation_records
from server.organizing.happenings import Happening, Kind
from server.organizing.membership import records as memberships
from server.organizing.notifications import records as notification_records
from server.organizing.notifications.kinds import kinds_for
from server.organizing.notifications.reception import unwelcome
from server.organizing.posts import reaction_records
from server.organizing.posts.content import Audience
from server.organizing.posts.records import find_stored, opened_one
from server.organizing.posts.timelines import Entry

HOME, ALERTS, DIRECT = Stream("user"), Stream("user:notification"), Stream("direct")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One thing that happened, on its way to those who listen."""

    context: Context
    connections: Connections

    async def tell(self, what: Happening) -> None:
        """Tells everybody whom it concerns."""
        match what.kind:
            case Kind.STATUS:
                await self._status(what.ids[0], "update")
            case Kind.EDIT:
                await self._status(what.ids[0], "status.update")
            case Kind.BOOST:
                await self._boost(what.ids[0])
            case Kind.GONE:
                await self._gone(*what.ids)
            case Kind.NOTIFICATION:
                await self._notification(what.ids[0])
            case Kind.CONVERSATION:
                await self._conversation(what.ids[0])
            case Kind.FILTERS:
                self._to([what.ids[0]], HOME, "filters_changed", None)

    async def _status(self, post_id: str, event: str) -> None:
        post = await find_stored(self.context, post_id)
        if post is None:
            return
        entry, author = Entry(post.row.number, post), post.content.author
        home = await self._at_home(author, post.audience)
        await self._show_at_home(entry, home, event)
        listed = await lists_with(self.context, author, [actor for actor in home if actor.id in self._ids("list")])
        for owner in home:
            streams = [Stream("list", list_id) for list_id in listed.get(owner.id, ())]
            await self._show(entry, owner, streams, event)
        if post.audience is Audience.PUBLIC:
            await self._show_publicly(entry, event)

    async def _boost(self, reaction_id: str) -> None:
        reaction = await self.context.session.get(Reaction, reaction_id)
        row = await self.context.session.get(Post, reaction.post_id) if reaction is not None else None
        if reaction is None or row is None or row.deleted_at is not None:
            return
        post = await opened_one(self.context, row)
        (record,) = await reaction_records.opened(self.context, row, [reaction])
        # Whoever sees the boost follows the booster, who boosts open posts, or own ones to the same followers.
        if not post.audience.is_open and record.actor != post.content.author:
            return
        entry = Entry(reaction.number, post, record.actor, reaction.published_at)
        unwanted = await unwelcome(self.context, post.content.author, self.connections.listening("user"))
        home = [actor for actor in await self._at_home(record.actor, post.audience) if actor.id not in unwanted]
        await self._show_at_home(entry, home, "update")

    async def _gone(self, number: str, audience: str, author_id: str, *named: str) -> None:
        """The number alone is told, to those who could have had the status: of an open one it is no secret."""
        if audience in (Audience.PUBLIC, Audience.UNLISTED):
            for connection in self.connections:
                for stream in connection.streams - {ALERTS, DIRECT}:
                    connection.offer(Message(stream, "delete", number))
            return
        if audience == Audience.DIRECT:
            self._to({author_id, *named}, HOME, "delete", number)
            self._to({author_id, *named}, DIRECT, "delete", number)
            return
        author = await self._actor(author_id)
        if author is not None:
            kind = Audience.PUBLIC if audience == "boost" else Audience(audience)
            self._to({actor.id for actor in await self._at_home(author, kind)}, HOME, "delete", number)

    async def _notification(self, row_id: str) -> None:
        listening = self.connections.listening("user", "user:notification")
        receiver = await notification_records.receiver_among(self.context, row_id, listening)
        record = await notification_records.find(self.context, receiver, row_id) if receiver is not None else None
        if receiver is None or record is None or record.filtered or record.kind not in kinds_for(receiver.kind):
            return
        for entity in await notifications_of(self.context, receiver, [record]):
            for stream in (HOME, ALERTS):
                for connection in self.connections.of(receiver.id, stream):
                    if may_listen(ALERTS, connection.caller.scopes):
                        connection.offer(Message(stream, "notification", _json(entity)))

    async def _conversation(self, row_id: str) -> None:
        owner = await conversation_records.owner_among(self.context, row_id, self.connections.listening("direct"))
        record = await conversation_records.find_own(self.context, owner, row_id) if owner is not None else None
        if owner is None or record is None:
            return
        shown = await conversations.shown(self.context, owner, [record])
        for entity in await conversations_of(self.context, owner, shown):
            self._to([owner.id], DIRECT, "conversation", _json(entity))

    async def _at_home(self, source: str, audience: Audience) -> list[LocalActor]:
        """Who listens and has what a source says at home: who follows it, belongs to it, or is it."""
        listening = {self.context.origin.actor(each.id): each for each in self.connections.listening("user", "list")}
        reached = {source} & set(listening)
        if audience is not Audience.DIRECT and listening:
            reached |= await memberships.active_among(self.context, source, listening)
            if audience is not Audience.CIRCLE:
                reached |= await follows.followers_among(self.context, source, listening)
        unwanted = await unwelcome(self.context, source, [listening[uri] for uri in reached])
        return [listening[uri] for uri in sorted(reached) if listening[uri].id not in unwanted]

    async def _show_at_home(self, entry: Entry, viewers: Iterable[LocalActor], event: str) -> None:
        for viewer in viewers:
            await self._show(entry, viewer, [HOME], event)

    async def _show(self, entry: Entry, viewer: LocalActor, streams: Collection[Stream], event: str) -> None:
        places = [(each, stream) for stream in streams for each in self.connections.of(viewer.id, stream)]
        for status in await statuses_of(self.context, viewer, [entry]) if places else []:
            payload = _json(status)
            for connection, stream in places:
                connection.offer(Message(stream, event, payload))

    async def _show_publicly(self, entry: Entry, event: str) -> None:
        content, local = entry.post.content, entry.post.row.local
        streams = timelines_of(local=local, has_media=bool(content.attachments))
        listening = self.connections.on([*streams, *hashtags_of(content.hashtags, local=local)])
        if not listening:
            return
        viewers = {connection.me.id: connection.me for connection, _ in listening}
        unwanted = await unwelcome(self.context, content.author, list(viewers.values()))
        for status in await statuses_of(self.context, None, [entry]):
            payload = _json(status)
            for connection, stream in listening:
                if connection.me.id not in unwanted:
                    connection.offer(Message(stream, event, payload))

    def _to(self, actors: Iterable[str], stream: Stream, event: str, payload: str | None) -> None:
        for actor_id in actors:
            for connection in self.connections.of(actor_id, stream):
                connection.offer(Message(stream, event, payload))

    def _ids(self, name: str) -> set[str]:
        return {actor.id for actor in self.connections.listening(name)}

    async def _actor(self, actor_id: str) -> str | None:
        """The actor's id on the wire, from that of its row, or of the index of one elsewhere."""
        if not actor_id.startswith("~"):
            return self.context.origin.actor(actor_id)
        known = await known_actors(self.context, [bytes.fromhex(actor_id[1:])])
        return known[0].id if known else None


def _json(entity: Entity) -> str:
    return entity.model_dump_json(by_alias=True)
