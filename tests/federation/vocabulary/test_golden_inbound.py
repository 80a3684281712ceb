"""What the documents of other software become. A file without an expectation here fails, and the other way round."""

from datetime import UTC, datetime
from typing import Any

import pytest

from federation.vocabulary.activities import PUBLIC, VERBS, Reference, parse_activity
from federation.vocabulary.actors import Actor, parse_actor
from federation.vocabulary.documents import publishable
from federation.vocabulary.objects import Attachment, Mention, Note, parse_note
from federation.vocabulary.polls import Poll
from tests.federation.vocabulary.golden import inbound, inbound_names

OURS = "https://ours.example/ap/actors/a1"
OUR_POST = "https://ours.example/ap/objects/p1"
JUNO = "https://mastodon.example/users/juno"
WREN = "https://gotosocial.example/users/wren"
LEMMY = "https://lemmy.example"
GARDENERS = f"{LEMMY}/c/gardeners"
TENANTS = "https://piefed.example/c/tenants"
COOPERATIVE = "https://mobilizon.example/@cooperative"

ACTORS: dict[str, dict[str, Any]] = {
    "mastodon/person": {
        "type": "Person",
        "preferred_username": "juno",
        "name": "Juno of the night shift :bread:",
        "url": "https://mastodon.example/@juno",
        "shared_inbox": "https://mastodon.example/inbox",
        "icon": "https://files.mastodon.example/juno.jpg",
        "featured": f"{JUNO}/collections/featured",
        "locked": True,
        "discoverable": True,
        "also_known_as": ("https://old.example/users/juno",),
    },
    "gotosocial/person": {"shared_inbox": None, "locked": True, "followers": f"{WREN}/followers"},
    "lemmy/group": {
        "type": "Group",
        "attributed_to": f"{GARDENERS}/moderators",
        "icon": f"{LEMMY}/pictrs/image/leaf.webp",
        "url": GARDENERS,
        "discoverable": False,
    },
    "piefed/group": {"type": "Group", "attributed_to": f"{TENANTS}/moderators"},
    "mobilizon/group": {"members": f"{COOPERATIVE}/members", "name": "The Cooperative", "discoverable": True},
    "misskey/person": {"name": "", "summary": "", "icon": None, "shared_inbox": "https://misskey.example/inbox"},
    "akkoma/person": {"name": "mint yad", "icon": "https://akkoma.example/media/mint.png"},
    "snac/person": {"summary": "<br>", "shared_inbox": "https://snac.example/shared-inbox"},
    "gancio/application": {"type": "Application", "preferred_username": "agenda", "followers": None},
    "fedify/group": {"type": "Group", "shared_inbox": "https://fedify.example/inbox"},
}
KEYS = {"gotosocial/person": ["/main-key"], "fedify/group": ["#main-key", "#multikey-1"]}

ACTIVITIES: dict[str, dict[str, Any]] = {
    "mastodon/create-note": {"type": "Create", "to": (f"{JUNO}/followers",), "cc": (PUBLIC, WREN)},
    "mastodon/create-question": {"type": "Create"},
    "mastodon/vote": {"type": "Create", "to": (OURS,)},
    "mastodon/follow": {"type": "Follow", "object": Reference(id=OURS)},
    "mastodon/undo-follow": {"type": "Undo", "objects": ("https://mastodon.example/3f0c-follow",)},
    "mastodon/accept-follow": {"type": "Accept", "objects": ("https://ours.example/ap/activities/f1",)},
    "mastodon/announce": {"type": "Announce", "object": Reference(id=OUR_POST), "to": (PUBLIC,)},
    "mastodon/delete-note": {"type": "Delete", "objects": (f"{JUNO}/statuses/114000000000000001",)},
    "mastodon/delete-person": {"type": "Delete", "object": Reference(id=JUNO)},
    "mastodon/flag": {"objects": (OURS, OUR_POST), "content": "They post our names & faces <here>"},
    "mastodon/move": {"type": "Move", "target": Reference(id="https://new.example/users/juno")},
    "gotosocial/create-note": {"to": (PUBLIC,), "cc": (f"{WREN}/followers",)},
    "gotosocial/like": {"type": "Like", "content": None, "object": Reference(id=OUR_POST)},
    "gotosocial/delete-note": {"type": "Delete", "objects": (f"{WREN}/statuses/01JUNE00000000000000000001",)},
    "lemmy/announce-create-page": {"actor": GARDENERS, "cc": (f"{GARDENERS}/followers",)},
    "lemmy/create-comment": {"type": "Create", "audience": (GARDENERS,)},
    "lemmy/announce-like": {"type": "Announce", "objects": (f"{LEMMY}/activities/like/3",)},
    "lemmy/ban": {"type": "Block", "target": Reference(id=GARDENERS), "summary": "spam"},
    "lemmy/remove-post": {"type": "Delete", "summary": "off topic"},
    "lemmy/add-moderator": {"type": "Add", "target": Reference(id=f"{GARDENERS}/moderators")},
    "piefed/announce-create-page": {"actor": TENANTS, "to": (TENANTS, PUBLIC)},
    "mobilizon/create-event": {"type": "Create", "to": (COOPERATIVE, PUBLIC)},
    "mobilizon/join-group": {"type": "Join", "object": Reference(id=OURS)},
    "mobilizon/leave-group": {"type": "Leave", "object": Reference(id=OURS)},
    "mobilizon/invite": {"type": "Invite", "object": Reference(id=COOPERATIVE), "target": Reference(id=OURS)},
    "mobilizon/accept-join": {"type": "Accept", "objects": ("https://ours.example/ap/activities/j2",)},
    "mobilizon/remove-member": {"type": "Remove", "origin": Reference(id=COOPERATIVE)},
    "misskey/create-note": {"type": "Create"},
    "misskey/like-reaction": {"type": "Like", "content": ":hop:"},
    "akkoma/create-direct": {"type": "Create", "to": (OURS,), "cc": ()},
    "akkoma/emoji-react": {"type": "EmojiReact", "content": "🌱", "cc": (PUBLIC,)},
    "snac/create-note": {"type": "Create"},
    "snac/undo-follow": {"type": "Undo", "object": Reference(id=OURS)},
    "gancio/create-event": {"type": "Create"},
    "fedify/create-note": {"to": (PUBLIC,), "cc": ("https://fedify.example/users/league/followers",)},
}

NOTES: dict[str, dict[str, Any]] = {
    "mastodon/create-note": {
        "attributed_to": JUNO,
        "summary": "Work talk",
        "sensitive": True,
        "language": "en",
        "in_reply_to": f"{WREN}/statuses/01ABC",
        "url": "https://mastodon.example/@juno/114000000000000001",
        "mentions": (Mention(href=WREN, name="@wren@gotosocial.example"),),
        "hashtags": ("rota",),
        "attachments": (
            Attachment(
                url="https://files.mastodon.example/rota.webp",
                media_type="image/webp",
                description="A rota with two empty cells",
                width=1200,
                height=900,
                blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
                focus=(0.0, 0.5),
            ),
        ),
        "is_vote": False,
    },
    "mastodon/create-question": {
        "poll": Poll(
            options=("Tuesday", "Thursday & later"), ends=datetime(2026, 5, 5, 6, tzinfo=UTC), counts=(2, 1), voters=3
        ),
        "content": "<p>When do we meet?</p>",
        "summary": None,
    },
    "mastodon/vote": {"is_vote": True, "name": "Tuesday", "content": "", "published": None},
    "gotosocial/create-note": {
        "language": "en-GB",
        "summary": None,
        "hashtags": ("lunch",),
        "published": datetime(2026, 6, 1, 10, tzinfo=UTC),
        "updated": datetime(2026, 6, 1, 10, 5, tzinfo=UTC),
    },
    "lemmy/announce-create-page": {"name": "Shared beds <open> to all", "language": "de", "source": "Come and dig."},
    "lemmy/create-comment": {"in_reply_to": OUR_POST, "language": None, "content": "<p>Bring gloves</p>\n"},
    "piefed/announce-create-page": {"name": "Heating", "hashtags": ("heating",), "audience": (TENANTS,)},
    "mobilizon/create-event": {"attributed_to": COOPERATIVE, "language": "de", "hashtags": ("Repair",)},
    "misskey/create-note": {"content": "<p><span>hop </span><i>hop</i></p>", "summary": "$[x2 loud]"},
    "akkoma/create-direct": {"sensitive": False, "to": (OURS,), "language": "en", "summary": None},
    "snac/create-note": {"content": "rain again<br>", "in_reply_to": None},
    "gancio/create-event": {"name": "Open rehearsal", "hashtags": ("choir",), "summary": None},
    "fedify/create-note": {"to": (PUBLIC,), "content": "<p>final on sunday</p>"},
    "peertube/video": {"attributed_to": "https://peertube.example/accounts/kit", "hashtags": ("win",)},
    "wordpress/article": {"language": "en", "summary": None, "url": "https://wordpress.example/2026/reading-room/"},
}


def test_every_file_has_an_expectation() -> None:
    assert set(inbound_names()) == ACTORS.keys() | ACTIVITIES.keys() | NOTES.keys()


@pytest.mark.parametrize("name", ACTORS)
def test_actor(name: str) -> None:
    document = inbound(name)
    actor = parse_actor(document)
    assert (actor.id, actor.inbox, actor.outbox) == (document["id"], document["inbox"], document["outbox"])
    assert seen(actor, ACTORS[name]) == ACTORS[name]
    assert [key.id for key in actor.keys] == [actor.id + suffix for suffix in KEYS.get(name, ["#main-key"])]
    assert all((key.pem is None) != (key.multikey is None) for key in actor.keys)


@pytest.mark.parametrize("name", ACTIVITIES)
def test_activity(name: str) -> None:
    document = inbound(name)
    activity = parse_activity(document)
    assert (activity.id, activity.type, activity.actor) == (document["id"], document["type"], document["actor"])
    assert activity.type in VERBS
    assert activity.document is document
    assert seen(activity, ACTIVITIES[name]) == ACTIVITIES[name]


@pytest.mark.parametrize("name", NOTES)
def test_note(name: str) -> None:
    note = note_in(name)
    assert seen(note, NOTES[name]) == NOTES[name]


def note_in(name: str) -> Note:
    document = inbound(name)
    while document["type"] in VERBS:
        document = document["object"]
    return parse_note(document)


def seen(parsed: object, expected: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(parsed, key) for key in expected}


def test_accept_of_a_join_brings_the_membership() -> None:
    activity = parse_activity(inbound("mobilizon/accept-join"))
    assert activity.result is not None
    assert (activity.result.id, activity.result.type) == ("https://mobilizon.example/member/m2", "Member")


def test_what_is_no_note_shows_title_time_place_and_page() -> None:
    assert note_in("mobilizon/create-event").content == (
        "<p><strong>Repair café</strong></p><p>2026-07-11 14:00 · Old mill, Mill Lane 3, 12345, Riverton</p>"
        "<p>Bring what is broken</p>" + link("https://tools.example/") + link("https://mobilizon.example/events/e1")
    )
    assert note_in("gancio/create-event").content == (
        "<p><strong>Open rehearsal</strong></p><p>2026-10-03 19:30 · Harbour hall, Quay 7</p>"
        "Harbour hall, Saturday at 19:30" + link("https://gancio.example/event/open-rehearsal")
    )
    assert note_in("lemmy/announce-create-page").content == (
        "<p><strong>Shared beds &lt;open&gt; to all</strong></p><p>Come and dig.</p>\n"
        + link("https://plots.example/map")
        + link(f"{LEMMY}/post/41")
    )
    assert note_in("peertube/video").content == (
        "<p><strong>How we won</strong></p><p>A **film** by &lt;us&gt;</p><p>Second part</p>"
        + link("https://peertube.example/w/v1")
    )


def link(href: str) -> str:
    return f'<p><a href="{href}" rel="nofollow noopener noreferrer ugc">{href}</a></p>'


def test_a_film_is_an_attachment_of_itself() -> None:
    (film,) = note_in("peertube/video").attachments
    assert (film.url, film.media_type) == ("https://peertube.example/files/v1-720.mp4", "video/mp4")
    assert (film.width, film.height) == (1280, 720)


def test_audience_kinds() -> None:
    kinds = {name: note_in(name).audience_kind(f"{JUNO}/followers") for name in NOTES}
    assert kinds["mastodon/create-note"] == "unlisted"
    assert kinds["akkoma/create-direct"] == kinds["mastodon/vote"] == "direct"
    assert kinds["fedify/create-note"] == kinds["lemmy/create-comment"] == "public"


def test_publishable_takes_off_hidden_recipients_and_ld_signatures_but_no_proof() -> None:
    fedify = publishable(inbound("fedify/create-note"))
    assert "signature" not in fedify
    assert "proof" in fedify
    assert "bto" not in publishable(inbound("akkoma/create-direct"))


def test_an_actor_knows_nothing_it_was_not_told() -> None:
    assert Actor(id=OURS, type="Person", preferred_username="x", inbox=f"{OURS}/inbox").keys == ()
