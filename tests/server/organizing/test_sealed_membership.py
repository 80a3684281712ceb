"""What lies in the database after everything that memberships and follows can do: no address of any member."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen
from federation.context import Context
from federation.table import Outcome
from models import DataKey
from server.db import Database
from server.organizing.following import inbox as following_inbox
from server.organizing.following import service as following_service
from server.organizing.membership import inbox, queries, service
from server.organizing.movements.queries import scope_of
from tests.builders import MadeMovement, activity, know, make_movement, make_person, make_remote_actor, received

MARKER = "zebrafinch"
"""Stands in the address of every member, and of every group that a person here belongs to."""

MEMBERS = [make_remote_actor(f"{MARKER}{number}", host=f"h{number}.example") for number in range(6)]
GROUP = make_remote_actor(f"{MARKER}_group", host="choir.example", type="Group")


async def test_no_address_of_a_member_can_be_read(database: Database) -> None:
    async with database.writing() as context:
        robin = await make_person(context)
        flex = await make_movement(context, organizer=robin)
    for step in (_apply, _decide, _end):
        async with database.writing() as context:
            await step(context, flex)
    async with database.writing() as context:
        await _elsewhere(context)
    persons = [context.origin.actor(robin.id), MARKER]
    async with database.reading() as context:
        assert await queries.recipients(context, flex.circle)
        rows = await _everything(context)
        assert len(rows) > 20
    for text in persons:
        assert not [row for row in rows if text.encode() in row]
    if database.is_sqlite:
        stored = _files(database)
        # Servers are not secret; that this one is found shows that the search would find the rest.
        assert b"h3.example" in stored
        assert not [text for text in persons if text.encode() in stored]


async def test_a_shredded_movement_takes_its_memberships_along(database: Database) -> None:
    async with database.writing() as context:
        robin, kit = await make_person(context), await make_person(context, "kit")
        flex = await make_movement(context, organizer=robin)
        pay = await make_movement(context, "pay", organizer=kit)
    scope = scope_of(flex.actor.id)
    async with database.writing() as context:
        await context.session.execute(delete(DataKey).where(col(DataKey.scope) == scope))
    database.keyring.forget(scope)
    async with database.reading() as context:
        with pytest.raises(CannotOpen):
            await queries.members_of(context, flex.circle, robin)
        assert len(await queries.members_of(context, pay.circle, kit)) == 1


async def _apply(context: Context, flex: MadeMovement) -> None:
    circle = context.origin.actor(flex.circle.id)
    for number, member in enumerate(MEMBERS):
        await know(context, member)
        verb = "Follow" if number % 2 else "Join"
        handle = following_inbox.handle_follow_group if number % 2 else inbox.handle_join_group
        assert await handle(context, received(member, activity(member, verb, circle))) == Outcome.DONE
        follow = activity(member, "Follow", context.origin.actor(flex.actor.id))
        assert await following_inbox.handle_follow_group(context, received(member, follow)) == Outcome.DONE


async def _decide(context: Context, flex: MadeMovement) -> None:
    for member in MEMBERS[:4]:
        await service.admit(context, circle=flex.circle, member=member.id, by=flex.circle)
    await service.refuse(context, circle=flex.circle, member=MEMBERS[4].id, by=flex.circle)
    guest = make_remote_actor(f"{MARKER}_guest", host="guest.example")
    await service.invite(context, circle=flex.circle, guest=guest, by=flex.circle)


async def _end(context: Context, flex: MadeMovement) -> None:
    circle = context.origin.actor(flex.circle.id)
    await service.remove(context, circle=flex.circle, member=MEMBERS[0].id, by=flex.circle)
    await service.remove(context, circle=flex.circle, member=MEMBERS[1].id, by=flex.circle)
    leave = received(MEMBERS[2], activity(MEMBERS[2], "Leave", circle))
    assert await inbox.handle_leave_group(context, leave) == Outcome.DONE
    undo = activity(MEMBERS[5], "Undo", {"type": "Follow", "actor": MEMBERS[5].id, "object": circle})
    assert await following_inbox.handle_undo_follow(context, received(MEMBERS[5], undo)) == Outcome.DONE


async def _elsewhere(context: Context) -> None:
    kit = await make_person(context, "kit")
    await following_service.follow(context, follower=kit, followee=await know(context, MEMBERS[3]))
    await service.join(context, person=kit, group=await know(context, GROUP))
    lee = await make_person(context, "lee")
    invite = activity(GROUP, "Invite", GROUP.id, target=context.origin.actor(lee.id))
    assert await inbox.handle_invite_person(context, received(GROUP, invite)) == Outcome.DONE
    await service.accept_invitation(context, person=lee, group=GROUP.id)


async def _everything(context: Context) -> list[bytes]:
    """Every row of every table, as one run of bytes each."""
    rows = []
    for table in SQLModel.metadata.sorted_tables:
        for row in (await context.session.execute(select(table))).all():
            rows.append(b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row))
    return rows


def _files(database: Database) -> bytes:
    path = Path(str(database.engine.url.database))
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
