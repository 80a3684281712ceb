"""What a handler may believe: objects embedded, named, forwarded, announced and wrapped, by honest and other peers."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from federation.context import Context
from federation.received import Received
from federation.remote import resolve_actor
from federation.table import Outcome
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.strangers import US, Document, Stranger, strangers


@pytest.fixture
async def carla(clock: Clock) -> AsyncIterator[Stranger]:
    async with strangers("other", "carla", clock=clock) as (_, made):
        yield made


async def taken(us: Running, sender: Stranger, activity: Document) -> tuple[Received | None, str | None]:
    """What the handler got of one activity, and how that ended."""
    before, known = len(us.program.received), {item.id for item in await us.items()}
    assert (await us.post(sender, activity)).status_code == 202
    await us.process()
    outcomes = [item.outcome for item in await us.items() if item.id not in known]
    received = us.program.received[before:]
    return (received[0] if received else None), (outcomes[0] if outcomes else None)


# Create and Update


async def test_an_object_by_id_is_fetched(us: Running, bob: Stranger) -> None:
    note = bob.note("n/1")
    bob.serve("n/1", note)
    received, outcome = await taken(us, bob, bob.activity("Create", bob.uri("n/1")))
    assert outcome == "done"
    assert received is not None
    assert received.object == note


async def test_an_embedded_object_of_another_is_not_believed(us: Running, bob: Stranger, carla: Stranger) -> None:
    """A4, B1: not from another server, and not from the same one."""
    neighbour = bob.note("n/1", "forged", attributedTo=bob.uri("neighbour"))
    bob.serve("n/1", neighbour)
    for verb in ("Create", "Update"):
        for number, forged in enumerate((carla.note("n/1", "forged"), neighbour, bob.note("n/2", id=carla.uri("n/2")))):
            assert (await taken(us, bob, bob.activity(verb, forged, f"{verb}/{number}")))[1] == "refused"
    assert us.program.received == []
    assert carla.peer.targets == []


async def test_an_origin_that_serves_somebody_elses_object(us: Running, bob: Stranger, carla: Stranger) -> None:
    """A4."""
    carla.serve("n/1", carla.note("n/1", "genuine"))
    bob.serve("post", carla.note("n/1", "forged"))
    for verb in ("Create", "Announce"):
        assert (await taken(us, bob, bob.activity(verb, bob.uri("post"), f"a/{verb}")))[1] == "refused"
    assert us.program.received == []


async def test_a_groups_event_by_its_organizer(us: Running, bob: Stranger) -> None:
    event = bob.note("e/1", type="Event", attributedTo=bob.uri("group"), actor=bob.id, name="March")
    bob.serve("e/1", event)
    received, outcome = await taken(us, bob, bob.activity("Create", {**event, "name": "forged"}))
    assert outcome == "done"
    assert received is not None
    assert (received.object or {})["name"] == "March"


async def test_an_actor_updates_itself(us: Running, bob: Stranger) -> None:
    await resolve_actor(us.federation, bob.id)
    received, outcome = await taken(us, bob, bob.activity("Update", bob.document(name="Robert")))
    assert outcome == "done"
    assert received is not None
    assert (received.object or {})["name"] == "Robert"


async def test_a_vote_has_a_row_of_its_own(us: Running, bob: Stranger) -> None:
    vote = bob.note("v/1", name="Yes", inReplyTo=f"{US}/ap/objects/q", content=None)
    del vote["content"]
    assert (await taken(us, bob, bob.activity("Create", vote)))[1] == "done"
    assert (await taken(us, bob, bob.activity("Create", bob.note("n/1"), "a/2")))[1] == "done"
    assert us.program.kinds == ["Vote", "*"]


async def test_a_server_that_stumbles_is_asked_again(us: Running, bob: Stranger, clock: Clock) -> None:
    bob.serve("n/1", {}, status=503)
    assert await taken(us, bob, bob.activity("Create", bob.uri("n/1"))) == (None, None)
    bob.serve("n/1", bob.note("n/1"))
    assert await us.process() == [None]
    clock.advance(minutes=1)
    assert await us.process() == ["done"]


@pytest.mark.parametrize(("status", "outcome"), [(404, "refused"), (403, "refused"), (410, "ignored")])
async def test_a_server_that_says_no_is_not(us: Running, bob: Stranger, status: int, outcome: str) -> None:
    bob.serve("n/1", {}, status=status)
    assert await taken(us, bob, bob.activity("Create", bob.uri("n/1"))) == (None, outcome)


# Forwarded


async def test_a_forward_is_only_a_hint(us: Running, bob: Stranger, carla: Stranger) -> None:
    carla.serve("n/1", carla.note("n/1", "as it is", to=[carla.id]))
    forged = carla.activity("Create", carla.note("n/1", "as it never was"), to=["as:Public"])
    received, outcome = await taken(us, bob, forged)
    assert outcome == "done"
    assert received is not None
    assert received.sender.id == received.activity.actor == carla.id
    assert (received.object or {})["content"] == "as it is"
    assert received.activity.to == (carla.id,)


@pytest.mark.parametrize("verb", ["Create", "Update"])
async def test_a_forward_makes_nobody_a_recipient(us: Running, bob: Stranger, carla: Stranger, verb: str) -> None:
    """HOSTILE B2: who hands on what was said to others cannot choose whom we show it to."""
    carla.serve("n/1", carla.note("n/1", to=[f"{carla.id}/followers"]))
    forged = carla.activity(verb, carla.note("n/1"))
    wrapped = bob.activity("Announce", carla.activity("Update", carla.note("n/1")), "a/w")
    for activity in (forged, wrapped):
        assert (await us.post(bob, activity, f"/ap/actors/{us.ada.id}/inbox")).status_code == 202
    await us.process()
    assert {(received.sender.id, received.recipient_id) for received in us.program.received} == {(carla.id, None)}


async def test_a_forward_whose_origin_disagrees(us: Running, bob: Stranger, carla: Stranger) -> None:
    """The object is there, but it belongs to nobody on that server, or the origin does not have it."""
    carla.serve("n/1", carla.note("n/1", attributedTo=bob.id))
    assert (await taken(us, bob, carla.activity("Create", carla.note("n/1"), "a/1")))[1] == "refused"
    assert (await taken(us, bob, carla.activity("Update", carla.note("n/2"), "a/2")))[1] == "refused"
    assert us.program.received == []


async def test_a_proof_makes_a_forward_the_authors_own(us: Running, bob: Stranger, carla: Stranger) -> None:
    """FEP-8b32: nothing but the key has to be fetched."""
    note = carla.note("n/1", "as it is")
    received, outcome = await taken(us, bob, carla.prove(carla.activity("Create", note)))
    assert outcome == "done"
    assert received is not None
    assert (received.sender.id, received.object) == (carla.id, note)
    assert set(carla.peer.targets) == {"/carla"}


async def test_a_proof_that_does_not_hold(us: Running, bob: Stranger, carla: Stranger, clock: Clock) -> None:
    """A17: then it is a hint like any other, and this origin knows nothing of it."""
    activity = carla.activity("Create", carla.note("n/1"))
    proven = carla.prove(activity)
    by_bob = bob.prove(activity)
    as_carla = bob.prove(activity, verification_method=f"{carla.id}#ed25519-key")
    for number, forged in enumerate(
        (
            {**proven, "object": carla.note("n/1", "changed")},
            by_bob,
            as_carla,
            carla.prove(activity, created=clock.now - timedelta(days=31)),
            {**proven, "proof": {**proven["proof"], "proofPurpose": "authentication"}},
            {**proven, "proof": "x"},
        )
    ):
        clock.advance(seconds=1)
        assert (await taken(us, bob, {**forged, "id": forged["id"]}))[1] in ("refused", None), number
    assert us.program.received == []


async def test_a_forwarded_delete_needs_a_410(us: Running, bob: Stranger, carla: Stranger) -> None:
    """A server answers 404 to hide an object from us: that deletes nothing here."""
    delete = [carla.activity("Delete", carla.uri("n/1"), f"a/{number}") for number in range(5)]
    assert (await taken(us, bob, delete[0]))[1] == "ignored", "nothing of hers can be here"
    await resolve_actor(us.federation, carla.id)
    assert (await taken(us, bob, delete[1]))[1] == "refused"
    carla.serve("n/1", carla.note("n/1"))
    assert (await taken(us, bob, delete[2]))[1] == "ignored"
    assert us.program.received == []
    carla.serve("n/1", {"id": carla.uri("n/1"), "type": "Tombstone"})
    assert (await taken(us, bob, delete[3]))[1] == "done"
    carla.serve("n/1", {}, status=410)
    received, outcome = await taken(us, bob, delete[4])
    assert outcome == "done"
    assert received is not None
    assert received.sender.id == carla.id


# Announce


async def test_an_announced_object_comes_from_its_origin(us: Running, bob: Stranger, carla: Stranger) -> None:
    note = carla.note("n/1", "as it is")
    carla.serve("n/1", note)
    for number, given in enumerate((carla.uri("n/1"), carla.note("n/1", "forged"), carla.activity("Create", note))):
        received, outcome = await taken(us, bob, bob.activity("Announce", given, f"a/{number}"))
        assert outcome == "done"
        assert received is not None
        assert (received.sender.id, received.object) == (bob.id, note)
        assert received.activity.object is not None
        assert received.activity.object.id == carla.uri("n/1")


async def test_what_is_known_is_not_fetched_again(us: Running, bob: Stranger, carla: Stranger) -> None:
    us.program.known_types[carla.uri("n/1")] = "Note"
    received, outcome = await taken(us, bob, bob.activity("Announce", carla.uri("n/1")))
    assert (outcome, carla.peer.targets) == ("done", [])
    assert received is not None
    assert received.object is None


async def test_our_own_objects_are_not_fetched(us: Running, bob: Stranger) -> None:
    ours = f"{US}/ap/objects/1"
    for number, given in enumerate((ours, {"id": ours, "type": "Note"}, bob.activity("Create", {"id": ours}))):
        received, outcome = await taken(us, bob, bob.activity("Announce", given, f"a/{number}"))
        assert outcome == "done"
        assert received is not None
        assert received.object is None
        assert received.activity.object is not None
        assert received.activity.object.id == ours
    for number, verb in enumerate(("Update", "Delete")):
        wrapped = bob.activity("Announce", bob.activity(verb, {"id": ours, "type": "Note"}), f"b/{number}")
        assert (await taken(us, bob, wrapped))[1] == "refused"


async def test_a_group_wraps_what_members_did(us: Running, bob: Stranger, carla: Stranger) -> None:
    """FEP-1b12, HOSTILE B6: the wrapped activity is only a hint."""
    carla.serve("n/1", carla.note("n/1", "as it is"))
    update = carla.activity("Update", carla.note("n/1", "forged"))
    received, outcome = await taken(us, bob, bob.activity("Announce", update, "a/1"))
    assert outcome == "done"
    assert received is not None
    assert (received.activity.type, received.sender.id) == ("Update", carla.id)
    assert (received.object or {})["content"] == "as it is"
    delete = carla.activity("Delete", carla.uri("n/1"))
    assert (await taken(us, bob, bob.activity("Announce", delete, "a/2")))[1] == "ignored"
    for number, verb in enumerate(("Like", "Dislike", "Undo", "Block", "Announce", "Follow", "Lock")):
        inner = carla.activity(verb, carla.uri("n/1"))
        assert (await taken(us, bob, bob.activity("Announce", inner, f"c/{number}")))[1] == "ignored"
    assert len(us.program.received) == 1


async def test_blocked_authors_are_not_announced(us: Running, bob: Stranger, carla: Stranger) -> None:
    """HOSTILE B16: the block holds whoever passes it on, and before anything is fetched."""
    await us.post(bob, bob.activity("Like", bob.uri("n/1"), "a/0"))
    blocked = "http://evil.localhost/n/1"
    await us.block("localhost")
    assert (await taken(us, bob, bob.activity("Announce", blocked)))[1] == "ignored"
    wrapped = {"id": bob.uri("x"), "type": "Create", "actor": bob.id, "object": blocked}
    assert (await taken(us, bob, bob.activity("Announce", wrapped, "a/2")))[1] == "ignored"
    assert len(us.program.received) == 1


# The rest


async def test_undo_accept_and_reject_are_looked_up_by_id(us: Running, bob: Stranger) -> None:
    follow = {"id": bob.uri("f/1"), "type": "Follow", "actor": bob.id, "object": f"{US}/ap/actors/{us.ada.id}"}
    us.program.known_types[bob.uri("f/1")] = "Follow"
    ada = f"{US}/ap/actors/{us.ada.id}"
    for number, given in enumerate((follow, bob.uri("f/1"), ada)):
        received, outcome = await taken(us, bob, bob.activity("Undo", given, f"a/{number}"))
        assert outcome == "done"
        assert received is not None
        assert received.object is None
    assert us.program.kinds == ["Follow"] * 3
    assert (await taken(us, bob, bob.activity("Undo", {**follow, "actor": bob.uri("x")}, "a/9")))[1] == "refused"


async def test_snacs_undo_has_an_id_of_ours(us: Running, bob: Stranger) -> None:
    ada = f"{US}/ap/actors/{us.ada.id}"
    for number in range(2):
        undo = {**bob.activity("Undo", ada), "id": f"{ada}/Undo_{number}"}
        received, outcome = await taken(us, bob, undo)
        assert outcome == "done"
        assert received is not None
        assert received.activity.id.startswith(f"{bob.id}#undo-")
    assert us.program.kinds == ["Follow", "Follow"]


async def test_a_delete_stays_on_its_server(us: Running, bob: Stranger, carla: Stranger) -> None:
    """B1."""
    for number, target in enumerate((carla.uri("n/1"), f"{US}/ap/objects/1", carla.id)):
        assert (await taken(us, bob, bob.activity("Delete", target, f"a/{number}")))[1] == "refused"
    tombstone = {"id": bob.uri("n/1"), "type": "Tombstone"}
    assert (await taken(us, bob, bob.activity("Delete", tombstone, "a/9")))[1] == "done"


async def test_the_target_of_a_move_is_fetched(us: Running, bob: Stranger, carla: Stranger) -> None:
    carla.publish(alsoKnownAs=[bob.id])
    received, outcome = await taken(us, bob, bob.activity("Move", bob.id, target=carla.id))
    assert outcome == "done"
    assert received is not None
    assert (received.target or {})["alsoKnownAs"] == [bob.id]
    assert (await taken(us, bob, bob.activity("Move", bob.id, "a/2")))[1] == "refused"


async def test_a_refusing_handler_leaves_nothing_behind(us: Running, bob: Stranger) -> None:
    from federation.authority import NotAuthorized
    from models import ServerSetting

    async def refuse(context: Context, received: Received) -> Outcome:
        context.session.add(ServerSetting(name="half", value="done"))
        await context.session.flush()
        raise NotAuthorized("not yours")

    us.program.deed = refuse
    assert (await taken(us, bob, bob.activity("Like", bob.uri("n/1"))))[1] == "refused"
    async with us.database.reading() as context:
        assert await context.session.get(ServerSetting, "half") is None


async def test_followers_are_synchronized_only_when_the_signature_says_so(us: Running, bob: Stranger) -> None:
    value = f'collectionId="{bob.id}/followers", digest="{"0" * 63}1", url="{bob.base}/sync"'
    header: dict[str, Any] = {"Collection-Synchronization": value}
    await us.post(bob, bob.activity("Like", bob.uri("n/1"), "a/1"), headers=header)
    assert await us.process() == ["done"]
    assert "/sync" not in bob.peer.targets
    await us.post(bob, bob.activity("Like", bob.uri("n/1"), "a/2"), extra_headers=header, headers=header)
    assert await us.process() == ["done", "done"]
    assert "/sync" in bob.peer.targets
