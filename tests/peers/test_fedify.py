"""An independent implementation against the running server: Fedify follows, hears, answers, and believes us."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from federation.context import Context
from federation.remote import look_up
from models import LocalActor, RemoteHost
from server.loopback import LoopbackServer, loopback_server
from server.organizing.following import queries as following_queries
from server.organizing.following import service as following
from server.organizing.membership import queries as membership
from server.organizing.posts import queries, service, timelines
from tests.builders import make_movement, make_person
from tests.peers.fedify_peer import FedifyPeer, PeerError, SignatureForm, require_node


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    if reason := require_node():
        pytest.skip(reason)


@dataclass(frozen=True)
class Stage:
    """Our server with a movement, and alice on Fedify."""

    server: LoopbackServer
    alice: FedifyPeer
    movement: LocalActor
    circle: LocalActor

    def handle(self, actor: LocalActor) -> str:
        """`@name@host` of one of ours."""
        return f"@{actor.handle}@{self.server.domain}"

    async def publish(self, author: LocalActor, text: str, audience: str = "public") -> str:
        """Posts as one of ours; the id of the post."""
        async with self.server.assembly.federation.writing() as unit:
            made = await service.publish(unit, author=author, text=text, audience=audience)
            return unit.origin.object(made.id)

    async def follow(self) -> None:
        """Alice follows the movement, and has its Accept."""
        await self.alice.follow(self.handle(self.movement))
        accept = await self.alice.wait_for("Accept")
        assert accept.object["type"] == "Follow"


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, server_database_urls: tuple[str | None, str | None]
) -> AsyncIterator[Stage]:
    """A fresh server on either database, and a Fedify that knocks first as the test says."""
    form: SignatureForm = getattr(request, "param", "rfc9421")
    url, _ = server_database_urls
    async with loopback_server("groundswell", tmp_path / "data", database_url=url) as server:
        async with server.assembly.federation.writing() as unit:
            robin = await make_person(unit, "robin")
            flex = await make_movement(unit, organizer=robin)
        async with FedifyPeer.start(first_knock=form) as alice:
            yield Stage(server, alice, flex.actor, flex.circle)


FORMS: tuple[SignatureForm, ...] = ("rfc9421", "draft-cavage-http-signatures-12")


@pytest.mark.parametrize("stage", FORMS, indirect=True)
async def test_both_first_knocks_of_fedify_are_accepted_at_once(stage: Stage, request: pytest.FixtureRequest) -> None:
    form = request.node.callspec.params["stage"]
    sent = await stage.alice.follow(stage.handle(stage.movement))
    assert [(post.form, post.status) for post in sent.posts] == [(form, 202)]
    accept = await stage.alice.wait_for("Accept")
    assert accept.http_signature == "valid"
    assert accept.object["id"] == sent.activity_id


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_fedify_verifies_both_forms_of_ours(stage: Stage, spec: str) -> None:
    await stage.follow()
    name = stage.alice.origin.partition("//")[2]

    async def booked(unit: Context) -> bool:
        host = await unit.session.get(RemoteHost, name)
        return host is not None and host.signature_spec is not None and host.lease_holder is None

    await stage.server.until(booked)
    async with stage.server.assembly.federation.writing() as unit:
        host = await unit.session.get_one(RemoteHost, name)
        host.signature_spec, host.spec_learned_at = spec, unit.now
    uri = await stage.publish(stage.movement, "Signed in one of two ways.")
    create = await stage.alice.wait_for("Create")
    assert (create.http_signature, create.object["id"]) == ("valid", uri)
    assert create.form == {"cavage": FORMS[1], "rfc9421": FORMS[0]}[spec]
    assert await stage.alice.rejected() == []


async def test_public_posts_their_edits_and_their_end_arrive(stage: Stage) -> None:
    await stage.follow()
    uri = await stage.publish(stage.movement, "One day a **week**.")
    create = await stage.alice.wait_for("Create")
    assert "<strong>week</strong>" in create.object["content"]
    async with stage.server.assembly.federation.writing() as unit:
        await service.edit(unit, author=stage.movement, post_id=uri, text="Two days a week.")
    update = await stage.alice.wait_for("Update")
    assert "Two days" in update.object["content"]
    assert (await stage.alice.fetch(uri))["updated"] == update.object["updated"]
    async with stage.server.assembly.federation.writing() as unit:
        await service.delete(unit, author=stage.movement, post_id=uri)
    delete = await stage.alice.wait_for("Delete")
    assert delete.object["id"] == uri
    with pytest.raises(PeerError, match="410"):
        await stage.alice.fetch(uri)


async def test_a_like_and_a_reply_reach_the_thread_once(stage: Stage) -> None:
    await stage.follow()
    uri = await stage.publish(stage.movement, "Who is in?")
    await stage.alice.wait_for("Create")
    await stage.alice.like(uri)
    reply = await stage.alice.reply(uri, "<p>Me.</p>", audience="public", mention=[f"{stage.handle(stage.movement)}"])

    async def answered(unit: Context) -> list[str]:
        thread = await queries.thread(unit, uri, stage.movement)
        return [post.content.uri for post in thread.descendants] if thread else []

    assert await stage.server.until(answered) == [reply.object_id]
    await stage.alice.announce(uri)
    await stage.alice.unfollow(stage.handle(stage.movement))

    async def alone(unit: Context) -> bool:
        return not await following_queries.follower_uris(unit, stage.movement)

    assert await stage.server.until(alone)


async def test_a_locked_circle_answers_when_its_organizer_does(stage: Stage) -> None:
    await stage.alice.follow(stage.handle(stage.circle))

    async def waiting(unit: Context) -> list[str]:
        return [request.uri for request in await membership.requests_of(unit, stage.circle)]

    assert await stage.server.until(waiting) == [stage.alice.actor]
    assert [seen.type for seen in await stage.alice.received()] == []
    secret = await stage.publish(stage.circle, "Before you were one of us.", "circle")
    with pytest.raises(PeerError, match="404"):
        await stage.alice.fetch(secret)
    async with stage.server.assembly.federation.writing() as unit:
        await following.accept_request(unit, owner=stage.circle, requester=stage.alice.actor)
    await stage.alice.wait_for("Accept")
    uri = await stage.publish(stage.circle, "Thursday.", "circle")
    create = await stage.alice.wait_for("Create")
    assert create.object["id"] == uri
    assert create.object["to"] == [stage.server.assembly.federation.origin.actor(stage.circle.id, "followers")]
    assert create.object.get("cc", []) == []
    assert (await stage.alice.fetch(uri))["content"] == create.object["content"]
    async with stage.server.assembly.federation.writing() as unit:
        await following.remove_follower(unit, owner=stage.circle, follower=stage.alice.actor)
    await stage.alice.wait_for("Reject")
    late = await stage.publish(stage.circle, "After you were one of us.", "circle")
    await stage.publish(stage.movement, "Public.")
    with pytest.raises(PeerError, match="404"):
        await stage.alice.fetch(late)


async def test_our_person_follows_fedify_and_reads_it(stage: Stage) -> None:
    federation = stage.server.assembly.federation
    alice = await look_up(federation, stage.alice.handle)
    async with federation.writing() as unit:
        kim = await make_person(unit, "kim")
        await following.follow(unit, follower=kim, followee=alice)

    async def accepted(unit: Context) -> bool:
        return await following_queries.relation(unit, follower=kim, followee=alice) == "accepted"

    await stage.server.until(accepted)
    sent = await stage.alice.post("<p>From Fedify.</p>")

    async def read(unit: Context) -> list[str]:
        page = await timelines.timeline_home(unit, kim)
        return [entry.post.content.uri for entry in page.entries]

    assert await stage.server.until(read) == [sent.object_id]
