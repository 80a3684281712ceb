"""Accounts here, and what persons elsewhere say of themselves: profiles, deletion, moves."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from crypto.passwords import verify_password
from federation import follows
from federation.context import Context
from federation.identities import BadHandle, HandleTaken, make_keypairs
from federation.remote import known_actor
from federation.table import Outcome
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.documents import Malformed
from models import DomainBlock, LocalActor, OutboxItem, Person
from server.organizing import profiles
from server.organizing.following import inbox as following_inbox
from server.organizing.following import queries as following
from server.organizing.following import service as following_service
from server.organizing.membership import queries as membership
from server.organizing.membership import service as membership_service
from server.organizing.people import inbox, policy, queries, service
from server.organizing.refusal import Refused
from tests.builders import (
    activity,
    know,
    make_movement,
    make_person,
    make_remote_actor,
    received,
    remote_document,
    sent,
)

MONA = make_remote_actor("mona")
NEW = make_remote_actor("mona", host="new.example", also_known_as=(MONA.id,))
EVE = make_remote_actor("eve", host="evil.example")


async def test_an_account_is_locked_and_quiet(context: Context) -> None:
    hashed = await service.hash_passphrase("correct horse battery")
    person = await service.create_person(
        context, handle="robin", passphrase=hashed, keypairs=await make_keypairs(), name="R"
    )
    assert (person.kind, person.locked, person.discoverable, person.state) == ("Person", True, False, "active")
    stored = await queries.passphrase_hash_of(context, "Robin")
    assert stored is not None
    assert verify_password("correct horse battery", stored)
    document = profiles.document_of(context.origin, person)
    assert document["id"] == context.origin.actor(person.id)
    assert (document["manuallyApprovesFollowers"], document["discoverable"]) == (True, False)
    assert "published" not in document
    assert "robin" not in document["id"]


@pytest.mark.parametrize("passphrase", ["", "eleven char", "x" * 1_025])
async def test_weak_passphrases_are_refused(passphrase: str) -> None:
    with pytest.raises(Refused):
        await service.hash_passphrase(passphrase)


@pytest.mark.parametrize("handle", ["", "Robin", "ro-bin", "ro bin", "é", "x" * 31, "a.b"])
async def test_bad_handles(context: Context, handle: str) -> None:
    with pytest.raises(BadHandle):
        await make_person(context, handle)


async def test_describing_tells_the_followers_and_only_if_something_changed(context: Context) -> None:
    robin = await make_person(context, locked=False)
    own = context.origin.actor(robin.id)
    await following_inbox.handle_follow_person(context, received(MONA, activity(MONA, "Follow", own)))
    for _ in range(2):
        await service.update_person(context, person=robin, name="Robin", summary="<b>birds</b>")
    update = (await sent(context))[-1]
    assert len(await sent(context)) == 2
    assert (update.inbox, update.activity["type"]) == (MONA.shared_inbox, "Update")
    assert (update.activity["to"], update.activity["cc"]) == ([f"{own}/followers"], [])
    assert update.activity["object"]["name"] == "Robin"
    assert "&lt;b&gt;" in update.activity["object"]["summary"]
    with pytest.raises(Refused):
        await service.update_person(context, person=robin, name="x" * 101, summary="")


async def test_a_deleted_account_leaves_a_blank_row_and_a_delete(context: Context) -> None:
    robin = await make_person(context, name="Robin", locked=False)
    flex = await make_movement(context, organizer=robin)
    own = context.origin.actor(robin.id)
    await following_inbox.handle_follow_person(context, received(MONA, activity(MONA, "Follow", own)))
    choir = await know(context, make_remote_actor("choir", host="choir.example", type="Group"))
    await membership_service.join(context, person=robin, group=choir)
    await following_service.follow(context, follower=robin, followee=await know(context, NEW))

    await service.delete_person(context, person=robin)
    deletes = [one for one in await sent(context) if one.activity["type"] == "Delete"]
    assert {one.inbox for one in deletes} == {MONA.shared_inbox, NEW.shared_inbox, choir.inbox}
    assert {(one.activity["object"], one.activity["to"][0]) for one in deletes} == {(own, PUBLIC)}
    assert (robin.name, robin.summary, robin.state, robin.deleted_at) == ("", "", "deleted", context.now)
    assert await context.session.get(Person, robin.id) is None
    assert await queries.passphrase_hash_of(context, "robin") is None
    assert await follows.followers_of(context, own, state=None) == []
    assert await membership.circles_of(context, own, state=None) == []
    assert not await membership.is_member(context, flex.circle, own)
    with pytest.raises(HandleTaken):
        await make_person(context, "robin")


async def test_keys_of_the_deleted_go_once_the_delete_has_left(context: Context) -> None:
    robin, kit = await make_person(context, "robin", locked=False), await make_person(context, "kit")
    follow = activity(MONA, "Follow", context.origin.actor(robin.id))
    await following_inbox.handle_follow_person(context, received(MONA, follow))
    await service.delete_person(context, person=robin)
    await service.forget_keys(context)
    assert await _keys(context, robin) is not None
    await context.session.execute(delete(OutboxItem))
    await service.forget_keys(context)
    assert await _keys(context, robin) is None
    assert await _keys(context, kit) is not None


async def test_a_changed_profile_is_stored_and_mail_follows_it(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    await know(context, MONA)
    await following_inbox.handle_follow_group(context, received(MONA, activity(MONA, "Follow", own)))
    await following_inbox.handle_follow_group(
        context, received(MONA, activity(MONA, "Follow", context.origin.actor(flex.circle.id)))
    )
    moved = replace(MONA, inbox=f"{MONA.id}/in2", shared_inbox=None, name="Mona L.")
    document = remote_document(moved)
    update = received(MONA, activity(MONA, "Update", document), object=document)
    for _ in range(2):
        assert await inbox.handle_update_actor(context, update) == Outcome.DONE
    known = await known_actor(context, MONA.id)
    assert known is not None
    assert (known.name, known.inbox) == ("Mona L.", moved.inbox)
    assert [edge.inbox for edge in await follows.followers_of(context, own)] == [moved.inbox]
    await membership_service.admit(context, circle=flex.circle, member=MONA.id, by=flex.circle)
    assert (await sent(context))[-1].inbox == moved.inbox
    assert [one.inbox for one in await membership.recipients(context, flex.circle)] == [moved.inbox]


async def test_updates_about_others_and_of_nonsense(context: Context) -> None:
    await know(context, MONA)
    forged = remote_document(replace(MONA, name="Owned"))
    update = received(EVE, activity(EVE, "Update", forged), object=forged)
    assert await inbox.handle_update_actor(context, update) == Outcome.REFUSED
    bare = received(EVE, activity(EVE, "Update", MONA.id))
    assert await inbox.handle_update_actor(context, bare) == Outcome.REFUSED
    known = await known_actor(context, MONA.id)
    assert known is not None
    assert known.name == "Mona"
    broken = remote_document(EVE) | {"inbox": 7}
    with pytest.raises(Malformed):
        await inbox.handle_update_actor(context, received(EVE, activity(EVE, "Update", broken), object=broken))


async def test_who_is_gone_leaves_nothing_behind(context: Context) -> None:
    robin = await make_person(context)
    flex = await make_movement(context, organizer=robin)
    await know(context, MONA)
    await following_service.follow(context, follower=robin, followee=MONA)
    for group in (flex.actor, flex.circle):
        follow = activity(MONA, "Follow", context.origin.actor(group.id))
        await following_inbox.handle_follow_group(context, received(MONA, follow))
    forged = received(EVE, activity(EVE, "Delete", MONA.id))
    assert await inbox.handle_delete_actor(context, forged) == Outcome.REFUSED
    assert len(await membership.requests_of(context, flex.circle)) == 1
    gone = received(MONA, activity(MONA, "Delete", MONA.id))
    for _ in range(2):
        assert await inbox.handle_delete_actor(context, gone) == Outcome.DONE
    assert await membership.requests_of(context, flex.circle) == []
    assert await following.follower_uris(context, flex.actor) == []
    assert await follows.following_of(context, context.origin.actor(robin.id), state="requested") == []


async def test_persons_follow_along_when_somebody_moves(context: Context) -> None:
    robin = await make_person(context)
    flex = await make_movement(context, organizer=robin)
    for follower in (robin, flex.actor):
        await _accepted(context, follower)
    before = len(await sent(context))
    move = activity(MONA, "Move", MONA.id, target=NEW.id)
    assert await _move(context, move) == Outcome.DONE
    after = (await sent(context))[before:]
    assert [(one.inbox, one.activity["type"], one.sender) for one in after] == [
        (NEW.inbox, "Follow", robin.id),
        (MONA.inbox, "Undo", robin.id),
    ]
    assert await following.relation(context, follower=robin, followee=NEW) == "requested"
    assert await following.relation(context, follower=flex.actor, followee=MONA) == "accepted"
    assert await _move(context, move | {"id": f"{MONA.id}/again"}) == Outcome.IGNORED
    context.now += timedelta(days=8)
    assert await _move(context, move) == Outcome.DONE


async def test_moves_that_are_none(context: Context) -> None:
    robin = await make_person(context)
    await _accepted(context, robin)
    before = len(await sent(context))
    move = activity(MONA, "Move", MONA.id, target=NEW.id)
    for target in (
        replace(NEW, also_known_as=()),
        replace(NEW, also_known_as=(EVE.id,)),
        replace(NEW, moved_to="https://further.example/users/mona"),
        replace(NEW, type="Group"),
        replace(NEW, id=MONA.id, inbox=MONA.inbox, outbox=None, followers=None),
    ):
        document = remote_document(target)
        assert await inbox.handle_move_actor(context, received(MONA, move, target=document)) == Outcome.REFUSED
    assert await inbox.handle_move_actor(context, received(MONA, move)) == Outcome.REFUSED
    forged = received(EVE, activity(EVE, "Move", MONA.id, target=NEW.id), target=remote_document(NEW))
    assert await inbox.handle_move_actor(context, forged) == Outcome.REFUSED
    group = replace(MONA, type="Group")
    assert await inbox.handle_move_actor(context, received(group, move, target=remote_document(NEW))) == "refused"
    context.session.add(DomainBlock(domain="new.example", since=context.now.date()))
    await context.session.flush()
    assert await _move(context, move) == Outcome.IGNORED
    assert len(await sent(context)) == before
    assert await following.relation(context, follower=robin, followee=MONA) == "accepted"


async def test_no_membership_moves_along(context: Context) -> None:
    flex = await make_movement(context)
    follow = activity(MONA, "Follow", context.origin.actor(flex.circle.id))
    await following_inbox.handle_follow_group(context, received(MONA, follow))
    await membership_service.admit(context, circle=flex.circle, member=MONA.id, by=flex.circle)
    assert await _move(context, activity(MONA, "Move", MONA.id, target=NEW.id)) == Outcome.DONE
    assert await membership.is_member(context, flex.circle, MONA.id)
    assert not await membership.is_member(context, flex.circle, NEW.id)


def test_policies_name_nobody() -> None:
    refusal = policy.may_move(
        old=MONA.id, kind="Person", target=NEW.id, target_kind="Person", known_as=(), moved_on=False
    )
    assert refusal is not None
    assert "http" not in refusal.reason


async def _accepted(context: Context, follower: LocalActor) -> None:
    edge = await following_service.follow(context, follower=follower, followee=MONA)
    accept = received(MONA, activity(MONA, "Accept", edge.activity))
    assert await following_inbox.handle_accept_follow(context, accept) == Outcome.DONE


async def _move(context: Context, document: dict[str, object]) -> Outcome:
    return await inbox.handle_move_actor(context, received(MONA, document, target=remote_document(NEW)))


async def _keys(context: Context, actor: LocalActor) -> bytes | None:
    statement = select(LocalActor.__table__.c.sealed_keys).where(LocalActor.__table__.c.id == actor.id)  # type: ignore[attr-defined]
    return (await context.session.execute(statement)).scalar_one()  # type: ignore[no-any-return]
