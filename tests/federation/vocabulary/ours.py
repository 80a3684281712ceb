"""Our documents, each built once by its builder: what the outbound golden files are compared with."""

from datetime import UTC, datetime
from typing import Any

from federation.vocabulary import Document, builders, collections
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import ActorProfile, Kind, actor_document
from federation.vocabulary.attachments import Attachment
from federation.vocabulary.contexts import CONTEXT
from federation.vocabulary.objects import note_document, tombstone
from federation.vocabulary.tags import Hashtag, Mention
from tests.federation.vocabulary.golden import inbound

NOW = datetime(2026, 6, 7, 20, 51, 35, 999, tzinfo=UTC)
BASE = "https://ours.example"
PERSON, GROUP, OTHER = (f"{BASE}/ap/actors/{name}" for name in ("f00d", "beef", "cafe"))
POST = f"{BASE}/ap/objects/p1"
ACTIVITY = f"{BASE}/ap/activities/a1"
ANN = "https://peer.example/users/ann"
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
FOLLOW: Document = {"id": f"{ANN}/follows/1", "type": "Follow", "actor": ANN, "object": GROUP}
JOIN: Document = {**FOLLOW, "@context": "https://www.w3.org/ns/activitystreams", "type": "Join", "signature": {"x": 1}}


def profile(
    actor_id: str, kind: Kind, handle: str, *, locked: bool = False, discoverable: bool = False
) -> ActorProfile:
    return ActorProfile(
        id=actor_id,
        kind=kind,
        handle=handle,
        domain="ours.example",
        url=f"{BASE}/@{handle}",
        shared_inbox=f"{BASE}/ap/inbox",
        public_key_pem=PEM,
        multikeys=(("ed25519-key", "z6MkExample"),),
        name=handle.title(),
        locked=locked,
        discoverable=discoverable,
    )


def actors() -> dict[str, Document]:
    movement = ActorProfile(
        id=GROUP,
        kind="Group",
        handle="river",
        domain="ours.example",
        url=f"{BASE}/@river",
        shared_inbox=f"{BASE}/ap/inbox",
        public_key_pem=PEM,
        name="River Defence",
        summary="<p>Water for all</p>",
        source="Water for all",
        discoverable=True,
        published=NOW,
        updated=NOW,
        icon="https://media.ours.example/river.webp",
        icon_type="image/webp",
        fields=(("Place", "<p>Riverton</p>"),),
        also_known_as=("https://old.example/river",),
        moved_to="https://new.example/river",
        posting_restricted=True,
    )
    return {
        "person": actor_document(profile(PERSON, "Person", "f00d", locked=True)),
        "movement": actor_document(movement),
        "circle": actor_document(profile(OTHER, "Group", "x7k2", locked=True)),
        "voice": actor_document(profile(OTHER, "Service", "river_voice")),
        "instance": actor_document(profile(f"{BASE}/ap/instance", "Application", "ours.example", locked=True)),
    }


def note() -> Document:
    return note_document(
        id=POST,
        attributed_to=PERSON,
        content="<p>Hi @ann #rent</p>",
        published=NOW,
        updated=NOW,
        to=[PUBLIC],
        cc=[f"{PERSON}/followers", ANN],
        url=f"{BASE}/@f00d/p1",
        summary="Housing",
        in_reply_to="https://peer.example/notes/1",
        audience=GROUP,
        context=f"{POST}/context",
        replies=collections.unread_collection(id=f"{POST}/replies", next=f"{POST}/replies?page=1"),
        language="en",
        source="Hi @ann #rent",
        mentions=[Mention(href=ANN, name="@ann@peer.example", url="https://peer.example/@ann")],
        hashtags=[Hashtag(name="rent", href=f"{BASE}/tags/rent")],
        attachments=[
            Attachment(url="https://media.ours.example/1.webp", media_type="image/webp", description="A door", width=4),
            Attachment(url="https://media.ours.example/2.pdf", media_type="application/pdf"),
        ],
    )


def objects() -> dict[str, Document]:
    return {
        "note": note(),
        "note-direct": note_document(
            id=POST, attributed_to=PERSON, content="<p>x</p>", published=NOW, to=[ANN], url=POST, direct=True
        ),
        "page": note_document(
            id=POST,
            attributed_to=OTHER,
            content="<p>x</p>",
            published=NOW,
            to=[GROUP, PUBLIC],
            url=POST,
            type="Page",
            name="Title",
            audience=GROUP,
        ),
        "tombstone": tombstone(id=POST, former_type="Note", deleted=NOW),
        "ordered-collection": collections.ordered_collection(
            id=f"{GROUP}/outbox", total=3, first=f"{GROUP}/outbox?page=1", last=f"{GROUP}/outbox?page=9"
        ),
        "ordered-collection-page": collections.ordered_collection_page(
            id=f"{GROUP}/outbox?page=1",
            part_of=f"{GROUP}/outbox",
            items=[POST, tombstone_item()],
            next=f"{GROUP}/outbox?page=2",
        ),
        "hidden-collection": collections.ordered_collection(id=f"{PERSON}/followers"),
        "moderators": collections.ordered_collection(id=f"{GROUP}/moderators", items=[], total=0, attributed_to=GROUP),
        "replies": collections.collection(id=f"{POST}/replies", first=f"{POST}/replies?page=1"),
        "replies-page": collections.collection_page(
            id=f"{POST}/replies?page=1", part_of=f"{POST}/replies", items=["https://peer.example/notes/2"]
        ),
        "followers-synchronization": collections.partial_followers(
            id=f"{PERSON}/followers_synchronization", followers=[ANN]
        ),
    }


def tombstone_item() -> Document:
    return tombstone(id=f"{BASE}/ap/objects/p2", former_type="Note", deleted=NOW)


def activities() -> dict[str, Document]:
    who: dict[str, Any] = {"id": ACTIVITY, "actor": GROUP}
    member: Document = {"type": "Member", "actor": ANN, "object": GROUP, "role": "member"}
    return {
        "create": builders.create(**who, object=note()),
        "update-note": builders.update(**who, object=note()),
        "update-actor": builders.update(**who, object=actors()["person"], to=[PUBLIC], cc=[f"{PERSON}/followers"]),
        "delete": builders.delete(**who, object_id=POST, to=[PUBLIC], cc=[f"{GROUP}/followers"]),
        "delete-actor": builders.delete(**who, object_id=GROUP, to=[PUBLIC]),
        "follow": builders.follow(**who, object=ANN),
        "join": builders.join(**who, object=ANN),
        "leave": builders.leave(**who, object=ANN),
        "accept-follow": builders.accept(**who, object=FOLLOW, to=[ANN]),
        "accept-join": builders.accept(**who, object=JOIN, to=[ANN], result=member),
        "reject-follow": builders.reject(**who, object=FOLLOW, to=[ANN]),
        "undo": builders.undo(**who, object=builders.follow(**who, object=ANN), to=[ANN], cc=[PUBLIC]),
        "announce-id": builders.announce(**who, object=POST, to=[PUBLIC], cc=[f"{GROUP}/followers"], published=NOW),
        "announce-activity": builders.announce(
            **who, object=inbound("fedify/create-note"), to=[PUBLIC], cc=[f"{GROUP}/followers"], published=NOW
        ),
        "like": builders.like(**who, object="https://peer.example/notes/1", to=[ANN]),
        "emoji-reaction": builders.like(**who, object="https://peer.example/notes/1", to=[ANN], content="🌱"),
        "flag": builders.flag(**who, objects=[ANN, "https://peer.example/notes/1"], content="Spam", to=[ANN]),
        "block": builders.block(**who, object=ANN),
        "move": builders.move(**who, target="https://new.example/river", cc=[f"{GROUP}/followers"]),
        "add": builders.add(**who, object=POST, target=f"{GROUP}/featured", to=[PUBLIC]),
        "remove": builders.remove(**who, object=POST, target=f"{GROUP}/featured", to=[PUBLIC]),
        "expel": builders.remove(**who, object=ANN, target=GROUP, to=[ANN], cc=[f"{GROUP}/members"]),
        "invite": builders.invite(**who, object=GROUP, target=ANN),
    }


def everything() -> dict[str, Document]:
    """All of them by the names of their golden files, and the context that they have in common."""
    return {"context": {"@context": CONTEXT}, **actors(), **objects(), **activities()}
