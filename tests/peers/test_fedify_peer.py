"""Shows that the Fedify peer is a true instrument: two of them federate, and a lie told to one is refused and seen."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from email.utils import formatdate
from hashlib import sha256
from typing import get_args
from urllib.parse import urlsplit

import httpx
import pytest

from tests.peers.fedify_peer import FedifyPeer, PeerError, SignatureForm, require_node

FORMS: tuple[SignatureForm, ...] = get_args(SignatureForm)
Pair = tuple[FedifyPeer, FedifyPeer]


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    if reason := require_node():
        pytest.skip(reason)


@pytest.fixture
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Two peers, the first follows the second. A test may choose their first knock."""
    form: SignatureForm = getattr(request, "param", FORMS[0])
    async with (
        FedifyPeer.start(host="a.localhost", first_knock=form) as ann,
        FedifyPeer.start(host="b.localhost", first_knock=form) as ben,
    ):
        await ann.follow(ben.handle)
        await ann.wait_for("Accept")
        yield ann, ben


@pytest.fixture
async def peer() -> AsyncIterator[FedifyPeer]:
    async with FedifyPeer.start() as peer:
        yield peer


async def ask(
    method: str, url: str, *, headers: dict[str, str] | None = None, content: bytes | None = None
) -> httpx.Response:
    """Ask the peer at 127.0.0.1, by its own name in Host: the system may not resolve names under localhost."""
    parts = urlsplit(url)
    address = parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl()
    headers = {"Host": parts.netloc, "Accept": "application/activity+json"} | (headers or {})
    async with httpx.AsyncClient() as client:
        return await client.request(method, address, headers=headers, content=content)


async def test_a_follow_and_its_accept_are_seen_on_both_sides(pair: Pair) -> None:
    ann, ben = pair
    follow = await ben.wait_for("Follow")
    assert (follow.actor, follow.object) == (ann.actor, ben.actor)
    assert await ben.followers() == [ann.actor]
    assert await ann.following() == {ben.actor: "accepted"}
    assert [error for error, _ in await ben.answers()] == [None]
    await ann.unfollow(ben.actor)
    assert (await ben.wait_for("Undo")).object["id"] == follow.id
    assert await ben.followers() == []


@pytest.mark.parametrize(("pair", "form"), [(form, form) for form in FORMS], indirect=["pair"])
async def test_a_post_its_edit_and_its_delete_arrive_at_the_first_knock(pair: Pair, form: SignatureForm) -> None:
    ann, ben = pair
    posted = await ben.post("<p>Meet at noon</p>")
    created = await ann.wait_for("Create")
    assert [(knock.form, knock.status) for knock in posted.posts] == [(form, 202)]
    assert (created.form, created.http_signature, created.verified_by) == (form, "valid", "ld")
    assert created.resolved == {"type": "Note", "id": posted.object_id}
    assert created.object["content"] == "<p>Meet at noon</p>"
    await ben.edit(posted.object_id, "<p>Meet at one</p>")
    assert (await ann.wait_for("Update")).object["content"] == "<p>Meet at one</p>"
    await ben.delete(posted.object_id)
    assert (await ann.wait_for("Delete")).object["id"] == posted.object_id
    with pytest.raises(PeerError, match="404"):
        await ann.fetch(posted.object_id)
    assert await ann.rejected() == []


async def test_a_reply_a_like_and_an_announce_reach_the_author(pair: Pair) -> None:
    ann, ben = pair
    post = await ben.post("<p>Who brings chairs?</p>")
    reply = await ann.reply(post.object_id, "<p>I do</p>")
    await ann.like(post.object_id)
    await ann.announce(post.object_id)
    note = (await ben.wait_for("Create")).object
    assert (note["id"], note["inReplyTo"]) == (reply.object_id, post.object_id)
    assert (note["tag"]["href"], note["tag"]["name"]) == (ben.actor, ben.handle)
    assert (await ben.wait_for("Like")).object == post.object_id
    assert (await ben.wait_for("Announce")).resolved == {"type": "Note", "id": post.object_id}


async def test_only_a_signed_follower_fetches_a_followers_note(pair: Pair, peer: FedifyPeer) -> None:
    ann, ben = pair
    note = (await ben.post("<p>For us</p>", audience="followers")).object_id
    assert (await ann.fetch(note))["content"] == "<p>For us</p>"
    assert (await ask("GET", note)).status_code == httpx.codes.UNAUTHORIZED
    with pytest.raises(PeerError, match="401"):
        await peer.fetch(note)


@pytest.mark.parametrize("form", FORMS)
async def test_the_first_knock_can_change(peer: FedifyPeer, form: SignatureForm) -> None:
    await peer.set_first_knock(form)
    await peer.fetch(peer.actor)
    assert [request.form for request in await peer.requests()] == [form]


@pytest.mark.parametrize(
    ("signature", "verdict"),
    [
        ({}, "absent"),
        ({"Signature": 'keyId="{0}#main-key",headers="(request-target) date digest",signature="bGll"'}, "invalid"),
        (
            {
                "Signature-Input": 'sig1=("@method" "@target-uri");created=1;keyid="{0}#main-key"',
                "Signature": "sig1=:bGll:",
            },
            "invalid",
        ),
    ],
)
async def test_a_forged_activity_is_refused_and_seen(peer: FedifyPeer, signature: dict[str, str], verdict: str) -> None:
    like = {"type": "Like", "id": f"{peer.actor}#1", "actor": peer.actor, "object": peer.actor}
    body = json.dumps({"@context": "https://www.w3.org/ns/activitystreams"} | like).encode()
    headers = {
        "Content-Type": "application/activity+json",
        "Date": formatdate(usegmt=True),
        "Digest": f"SHA-256={b64encode(sha256(body).digest()).decode()}",
    }
    headers |= {name: value.format(peer.actor) for name, value in signature.items()}
    answer = await ask("POST", f"{peer.actor}/inbox", content=body, headers=headers)
    (refused,) = await peer.rejected()
    assert answer.status_code == refused.status == httpx.codes.UNAUTHORIZED
    assert (refused.http_signature, refused.verified_by) == (verdict, None)
    assert refused.log
    assert await peer.received() == []


async def test_an_inbox_that_does_not_answer_is_an_error(peer: FedifyPeer) -> None:
    async with FedifyPeer.start(host="gone.localhost") as gone:
        await peer.follow(gone.actor)
    with pytest.raises(PeerError, match="ECONNREFUSED"):
        await peer.unfollow(gone.actor)


async def test_the_peer_never_leaves_loopback(peer: FedifyPeer) -> None:
    with pytest.raises(PeerError, match="not a loopback host") as refusal:
        await peer.fetch("https://activitypub.example/actor")
    assert [attempt.status for attempt in refusal.value.attempts] == [None]


async def test_waiting_in_vain_ends(peer: FedifyPeer) -> None:
    with pytest.raises(TimeoutError, match="no Like arrived"):
        await peer.wait_for("Like", seconds=0.01)
