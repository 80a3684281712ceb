"""Movements and their circles: what they are called, what their documents say, and whom they name: nobody."""

import json
import re
from typing import Any

import pytest

from federation.context import Context
from federation.identities import BadHandle, HandleTaken, make_keypairs
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import parse_actor
from models import LocalActor
from server.organizing import profiles
from server.organizing.following import inbox as following_inbox
from server.organizing.membership import service as membership
from server.organizing.movements import queries, service
from server.organizing.parties import local_actor
from server.organizing.refusal import Refused
from tests.builders import activity, make_movement, make_person, make_remote_actor, received, sent

MONA = make_remote_actor("mona")


async def test_a_quiet_circle_does_not_say_whose_it_is(context: Context) -> None:
    flex = await make_movement(context, "flex", name="Flexible work")
    assert re.fullmatch(r"c[a-z2-7]{12}", flex.circle.handle)
    document = json.dumps(profiles.document_of(context.origin, flex.circle))
    for telling in ("flex", "Flex", "work", "member of", flex.actor.id):
        assert telling not in document
    assert (flex.circle.locked, flex.circle.discoverable) == (True, False)
    other = await make_movement(context, "pay", name="Pay")
    assert other.circle.name == flex.circle.name
    assert other.circle.handle != flex.circle.handle


@pytest.mark.parametrize(("posture", "discoverable"), [("members", False), ("public", True)])
async def test_other_circles_carry_their_movements_name(context: Context, posture: str, discoverable: bool) -> None:
    flex = await make_movement(context, posture=posture)
    assert (flex.circle.handle, flex.circle.name) == ("flex_members", "Flexible work: members")
    assert (flex.actor.discoverable, flex.circle.discoverable) == (discoverable, False)


async def test_a_readable_handle_that_is_taken_or_too_long_is_replaced(context: Context) -> None:
    await make_person(context, "flex_members")
    for handle in ("flex", "x" * 30):
        movement = await make_movement(context, handle, posture="public")
        assert re.fullmatch(r"c[a-z2-7]{12}", movement.circle.handle)


async def test_the_documents_of_both_kinds(context: Context) -> None:
    flex = await make_movement(context)
    movement = profiles.document_of(context.origin, flex.actor)
    circle = profiles.document_of(context.origin, flex.circle)
    assert (movement["manuallyApprovesFollowers"], movement["openness"]) == (False, "invite_only")
    assert (circle["manuallyApprovesFollowers"], circle["openness"]) == (True, "moderated")
    for document in (movement, circle):
        assert document["type"] == "Group"
        assert "published" not in document
        for name in ("members", "moderators", "followers", "outbox", "featured"):
            assert document[name] == f"{document['id']}/{name}"
        assert parse_actor(document).members == f"{document['id']}/members"


async def test_what_a_movement_may_not_be(context: Context) -> None:
    flex = await make_movement(context)
    refused: list[dict[str, Any]] = [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"name": "X", "summary": "x" * 5_001},
        {"name": "X", "posture": "loud"},
        {"name": "X", "organizer": flex.actor},
    ]
    keypairs = await make_keypairs()
    for fields in refused:
        with pytest.raises(Refused):
            await service.create_movement(context, handle="pay", keypairs=keypairs, circle_keypairs=keypairs, **fields)
    with pytest.raises(BadHandle):
        await make_movement(context, "Pay Us")
    with pytest.raises(HandleTaken):
        await make_movement(context, "flex")


async def test_finding_movements_and_circles(context: Context) -> None:
    flex, pay = await make_movement(context, "flex"), await make_movement(context, "pay", posture="public")
    entries = await queries.list_movements(context)
    assert [(entry.actor.handle, entry.movement.posture) for entry in entries] == [("flex", "quiet"), ("pay", "public")]
    assert [entry.circles for entry in entries] == [(flex.circle,), (pay.circle,)]
    assert [entry.actor.handle for entry in await queries.list_movements(context, posture="public")] == ["pay"]
    assert await queries.movement_by_handle(context, "Flex") == flex.actor
    assert await queries.movement_by_handle(context, flex.circle.handle) is None
    assert await queries.circle_of(context, flex.actor.id) == flex.circle
    assert await queries.circle_of(context, flex.actor.id, "chapter") is None
    assert await queries.movement_of(context, flex.circle) == flex.actor
    assert await queries.movement_of(context, flex.actor) is None
    assert await queries.is_circle(context, flex.circle)
    assert not await queries.is_circle(context, flex.actor)
    scopes = {await queries.scope_of_group(context, context.origin.actor(one.id)) for one in (flex.actor, flex.circle)}
    assert scopes == {f"movement:{flex.actor.id}"}
    assert await queries.scope_of_group(context, MONA.id) == "server"


async def test_a_new_name_goes_to_followers_of_a_movement_and_to_members_of_a_circle(context: Context) -> None:
    flex = await make_movement(context)
    for group in (flex.actor, flex.circle):
        follow = activity(MONA, "Follow", context.origin.actor(group.id))
        await following_inbox.handle_follow_group(context, received(MONA, follow))
    await service.update_movement(context, group=flex.circle, name="Quiet", summary="")
    assert [one.activity["type"] for one in await sent(context)] == ["Accept"]

    await service.update_movement(context, group=flex.actor, name="Flex!", summary="More of it")
    update = (await sent(context))[-1].activity
    own = context.origin.actor(flex.actor.id)
    assert (update["to"], update["cc"], update["object"]["name"]) == ([PUBLIC], [f"{own}/followers"], "Flex!")

    await membership.admit(context, circle=flex.circle, member=MONA.id, by=flex.circle)
    await service.update_movement(context, group=flex.circle, name="Quieter", summary="")
    update = (await sent(context))[-1].activity
    own = context.origin.actor(flex.circle.id)
    assert (update["to"], update["cc"]) == ([f"{own}/followers"], [])
    assert MONA.id not in json.dumps(update)


@pytest.mark.parametrize("suffix", ["/inbox", "/", "#main-key", "?x"])
async def test_only_an_exact_id_names_a_local_actor(context: Context, suffix: str) -> None:
    robin: LocalActor = await make_person(context)
    assert await local_actor(context, context.origin.actor(robin.id)) == robin
    assert await local_actor(context, context.origin.actor(robin.id) + suffix) is None
    assert await local_actor(context, None) is None
