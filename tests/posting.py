"""What tests of posts begin with: followers and members elsewhere, and the posts that those write."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from crypto.tokens import random_id
from federation import follows
from federation.context import Context, Viewer
from federation.follows import Edge
from federation.origin import host_of
from federation.received import Received
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import Actor
from models import Delivery, LocalActor
from server.organizing.membership import records as memberships
from server.organizing.membership.records import Record, Way
from server.organizing.membership.states import State
from server.organizing.parties import Party, recipient_of, uri_of
from tests.builders import MadeMovement, activity, know, make_movement, make_person, make_remote_actor, received


async def let_follow(context: Context, follower: Party, followee: Party, *, state: str = "accepted") -> None:
    """An edge, as it stands after everybody agreed (or, requested, before)."""
    own = recipient_of(context.origin, follower)
    edge = Edge(
        follower=own.actor,
        followee=uri_of(context.origin, followee),
        activity=f"{own.actor}/follows/{random_id()}",
        inbox=own.inbox,
        shared_inbox=own.shared_inbox,
        state="accepted" if state == "accepted" else "requested",
        since=context.now.date(),
    )
    await follows.put(context, edge)


async def let_join(
    context: Context, member: Party, group: Party, *, state: State = State.ACTIVE, way: Way = Way.FOLLOW
) -> None:
    """A membership in a state."""
    own = recipient_of(context.origin, member)
    record = Record(
        group=uri_of(context.origin, group),
        member=own.actor,
        state=state,
        way=way,
        since=context.now.date(),
        inbox=own.inbox,
        shared_inbox=own.shared_inbox,
    )
    await memberships.put(context, record)


def note(author: Actor | str, text: str = "Hello", **fields: Any) -> Document:
    """A public Note of a remote actor, with a fresh id on its own server unless one is given."""
    actor = author if isinstance(author, str) else author.id
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{actor}/statuses/{random_id()}",
        "type": "Note",
        "attributedTo": actor,
        "content": f"<p>{text}</p>",
        "published": "2026-06-07T20:00:00Z",
        "to": [PUBLIC],
        "cc": [f"{actor}/followers"],
    }
    return document | fields


def created(sender: Actor, document: Document, *, verb: str = "Create", inbox_of: LocalActor | None = None) -> Received:
    """A Create (or Update) as a handler gets it: the object is embedded and believed to be as its server says."""
    wrapped = activity(sender, verb, document, to=document.get("to", []), cc=document.get("cc", []))
    return received(sender, wrapped, object=document, recipient_id=inbox_of.id if inbox_of else None)


async def synchronizes(context: Context) -> set[bool]:
    """Whether what waits to be delivered carries the digest of the followers (FEP-8fcf)."""
    return set((await context.session.execute(select(col(Delivery.synchronize_followers)))).scalars())


def viewer(actor: Actor) -> Viewer:
    """A remote actor who signs a request."""
    return Viewer(actor.id, host_of(actor.id))


def instance_of(host: str) -> Viewer:
    """A server that signs a request with its own actor."""
    return Viewer(f"https://{host}/actor", host)


@dataclass(frozen=True)
class Stage:
    """A movement with its circle, people here, and people elsewhere.

    `fan` (fan.example) and `local_fan` follow the movement, `member` (member.example) and `local_member` belong to
    its circle, `stranger` (stranger.example) and `local_stranger` have nothing to do with it. All are known here.
    """

    made: MadeMovement
    local_fan: LocalActor
    local_member: LocalActor
    local_stranger: LocalActor
    fan: Actor
    member: Actor
    stranger: Actor

    @property
    def movement(self) -> LocalActor:
        """The movement's actor."""
        return self.made.actor

    @property
    def circle(self) -> LocalActor:
        """The actor of its circle."""
        return self.made.circle


async def make_stage(context: Context) -> Stage:
    """Puts everybody on the stage."""
    made = await make_movement(context)
    fan, member, stranger = [
        await know(context, make_remote_actor(name, host=f"{name}.example")) for name in ("fan", "member", "stranger")
    ]
    lee, mia, sam = [await make_person(context, name) for name in ("lee", "mia", "sam")]
    stage = Stage(made, lee, mia, sam, fan, member, stranger)
    for follower in (fan, stage.local_fan):
        await let_follow(context, follower, stage.movement)
    await let_join(context, member, stage.circle)
    await let_join(context, stage.local_member, stage.circle, way=Way.LOCAL)
    return stage
