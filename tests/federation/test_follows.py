"""Follow edges: one for each pair, found from both ends, and unreadable without the key."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import event, text

from crypto.sealing import CannotOpen
from federation import follows
from federation.follows import Edge
from server.db import Database

ALICE = "https://alpha.test/users/alice"
BOB = "https://beta.test/users/bob"
RIVER = "https://groundswell.test/ap/actors/river"


def edge(follower: str, followee: str, *, number: int = 1, state: follows.State = "accepted") -> Edge:
    return Edge(
        follower=follower,
        followee=followee,
        activity=f"{follower}/follows/{number}",
        inbox=f"{follower}/inbox",
        shared_inbox=None,
        state=state,
        since=date(2026, 6, 7),
    )


async def test_an_edge_is_found_from_both_ends_and_by_its_activity(database: Database) -> None:
    async with database.writing() as context:
        stored = await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(BOB, RIVER, state="requested"))
    async with database.reading() as context:
        assert stored.id
        assert await follows.followers_of(context, RIVER) == [stored]
        assert await follows.following_of(context, ALICE) == [stored]
        assert await follows.find(context, follower=ALICE, followee=RIVER) == stored
        assert await follows.find_by_activity(context, f"{ALICE}/follows/1") == stored
        assert [e.follower for e in await follows.followers_of(context, RIVER, state="requested")] == [BOB]
        assert len(await follows.followers_of(context, RIVER, state=None)) == 2
        assert await follows.count_followers(context, RIVER) == 1
        assert await follows.more_follow_than(context, RIVER, 0)
        assert not await follows.more_follow_than(context, RIVER, 1)
        assert await follows.count_following(context, BOB, state="requested") == 1


async def test_nothing_is_found_where_nothing_is(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, edge(ALICE, RIVER))
    async with database.writing() as context:
        assert await follows.find(context, follower=RIVER, followee=ALICE) is None
        assert await follows.find_by_activity(context, f"{BOB}/follows/1") is None
        assert await follows.followers_of(context, ALICE) == []
        assert not await follows.remove(context, edge(BOB, RIVER))
        assert await follows.count_followers(context, RIVER) == 1


async def test_a_second_follow_replaces_the_first(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(ALICE, RIVER, number=2))
    async with database.reading() as context:
        assert [e.activity for e in await follows.followers_of(context, RIVER)] == [f"{ALICE}/follows/2"]
        assert await follows.find_by_activity(context, f"{ALICE}/follows/1") is None
        assert await follows.find_by_activity(context, f"{ALICE}/follows/2") is not None


async def test_removing_takes_the_pair_whatever_its_id(database: Database) -> None:
    async with database.writing() as context:
        first = await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(ALICE, RIVER, number=2))
        await follows.put(context, edge(BOB, RIVER))
        assert await follows.remove(context, first)
    async with database.reading() as context:
        assert [e.follower for e in await follows.followers_of(context, RIVER)] == [BOB]


async def test_an_actor_that_is_no_more_leaves_no_edge(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(RIVER, ALICE))
        kept = await follows.put(context, edge(BOB, RIVER))
        assert await follows.remove_actor(context, ALICE) == 2
    async with database.reading() as context:
        assert [e async for e in follows.every_edge(context)] == [kept]


async def test_relocating_rewrites_every_edge_of_the_follower_only(database: Database) -> None:
    async with database.writing() as context:
        first = await follows.put(context, edge(ALICE, RIVER))
        second = await follows.put(context, edge(ALICE, BOB, number=2))
        other = await follows.put(context, edge(BOB, RIVER))
        await follows.relocate(context, ALICE, "https://alpha.test/in", "https://alpha.test/shared")
    async with database.reading() as context:
        found = await follows.following_of(context, ALICE)
        assert sorted(found, key=lambda e: e.activity) == [
            replace(one, inbox="https://alpha.test/in", shared_inbox="https://alpha.test/shared")
            for one in (first, second)
        ]
        assert await follows.following_of(context, BOB) == [other]
        assert await follows.receiving_at(context, ["https://beta.test/users/bob/inbox"]) == [other]


async def test_no_end_of_an_edge_is_stored_in_the_clear(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(RIVER, ALICE))
    async with database.reading() as context:
        rows = (await context.session.execute(text("SELECT * FROM follows"))).all()
    values = [value for row in rows for value in row]
    stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    assert len(rows) == 2
    assert b"alice" not in stored
    assert b"river" not in stored
    # The two columns have labels of their own: the same actor looks different as follower and as followee.
    assert {row.follower_index for row in rows}.isdisjoint({row.followee_index for row in rows})


async def test_an_edge_moved_to_another_row_does_not_open(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, edge(ALICE, RIVER))
        await follows.put(context, edge(BOB, RIVER))
        await context.session.execute(
            text("UPDATE follows SET sealed_edge = (SELECT min(f.sealed_edge) FROM follows f)")
            if database.is_sqlite
            else text("UPDATE follows SET sealed_edge = (SELECT f.sealed_edge FROM follows f LIMIT 1)")
        )
    async with database.reading() as context:
        with pytest.raises(CannotOpen):
            await follows.followers_of(context, RIVER)


async def test_many_followers_are_one_query(database: Database) -> None:
    many = 2_500
    async with database.writing() as context:
        for number in range(many):
            await follows.put(context, edge(f"https://alpha.test/users/{number}", RIVER))
    statements: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    async with database.reading() as context:
        found = await follows.followers_of(context, RIVER)
    assert len({e.follower for e in found}) == many
    assert len([statement for statement in statements if "follows" in statement]) == 1


async def test_followers_come_oldest_first(database: Database) -> None:
    async with database.writing() as context:
        await follows.put(context, replace(edge(ALICE, RIVER), since=date(2026, 6, 7)))
        await follows.put(context, replace(edge(BOB, RIVER), since=date(2026, 6, 7) - timedelta(days=1)))
    async with database.reading() as context:
        assert [e.follower for e in await follows.followers_of(context, RIVER)] == [BOB, ALICE]
