"""Servers that were left: one sealed row for each actor and server, twenty for a domain, gone after half a year."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlmodel import col

from federation import delivery, departures, follows
from federation.addressing import Recipient
from federation.context import Context
from federation.follows import Edge
from models import Departure
from server.db import Database
from tests.conftest import Clock

RIVER = "https://groundswell.test/ap/actors/river"
BROOK = "https://groundswell.test/ap/actors/brook"
ALICE = Recipient("https://alpha.test/users/alice", "https://alpha.test/users/alice/inbox", "https://alpha.test/inbox")
ALBERT = Recipient("https://alpha.test/users/albert", "https://alpha.test/users/albert/inbox", "https://alpha.test/in")
BOB = Recipient("https://beta.test/users/bob", "https://beta.test/users/bob/inbox")

CAME = date(2026, 6, 1)


def edge(follower: Recipient, followee: str, *, state: follows.State = "accepted") -> Edge:
    return Edge(
        follower=follower.actor,
        followee=followee,
        activity=f"{follower.actor}/follows/1",
        inbox=follower.inbox,
        shared_inbox=follower.shared_inbox,
        state=state,
        since=datetime(2026, 6, 7, tzinfo=UTC).date(),
    )


def stranger(number: int, domain: str = "evil.test") -> Recipient:
    host = f"https://h{number}.{domain}"
    return Recipient(f"{host}/users/eve", f"{host}/users/eve/inbox", f"{host}/inbox")


async def rows_of(context: Context) -> list[Departure]:
    return list((await context.session.execute(select(Departure))).scalars())


async def test_whoever_stops_following_leaves_a_server_behind(database: Database, clock: Clock) -> None:
    for follower in (ALICE, BOB):
        async with database.writing() as context:
            await follows.put(context, edge(follower, RIVER))
        async with database.writing() as context:
            assert await follows.remove(context, edge(follower, RIVER))
            assert not await follows.remove(context, edge(follower, RIVER))
        clock.advance(hours=1)
    async with database.reading() as context:
        assert set(await departures.inboxes_since(context, RIVER)) == {"https://alpha.test/inbox", BOB.inbox}
        assert await departures.inboxes_since(context, RIVER, clock.now - timedelta(hours=1)) == [BOB.inbox]
        assert await departures.inboxes_since(context, RIVER, clock.now) == []
        assert await departures.inboxes_since(context, BROOK) == []


async def test_only_accepted_followers_from_elsewhere_leave_something_behind(database: Database) -> None:
    asked, own = edge(ALICE, RIVER, state="requested"), Recipient(BROOK, f"{BROOK}/inbox")
    async with database.writing() as context:
        for one in (asked, edge(own, RIVER), edge(own, ALICE.actor), edge(ALICE, BOB.actor)):
            await follows.put(context, one)
            await follows.remove(context, one)
        assert await rows_of(context) == []


async def test_an_actor_elsewhere_that_is_gone_leaves_its_server_behind(database: Database) -> None:
    async with database.writing() as context:
        for followee in (RIVER, BROOK):
            await follows.put(context, edge(ALICE, followee))
        assert await follows.remove_actor(context, ALICE.actor) == 2
        for followee in (RIVER, BROOK):
            assert await departures.inboxes_since(context, followee) == [ALICE.shared_inbox]


async def test_an_actor_here_that_is_gone_leaves_nothing(database: Database) -> None:
    async with database.writing() as context:
        await departures.note(context, actor=RIVER, leaver=BOB, since=CAME)
        await departures.note(context, actor=BROOK, leaver=BOB, since=CAME)
        await follows.put(context, edge(ALICE, RIVER))
        await follows.remove_actor(context, RIVER)
        await departures.forget(context, RIVER)
        assert await departures.inboxes_since(context, RIVER) == []
        assert await departures.inboxes_since(context, BROOK) == [BOB.inbox]


async def test_a_server_is_kept_once_and_the_last_departure_counts(database: Database, clock: Clock) -> None:
    for leaver in (ALICE, ALBERT):
        async with database.writing() as context:
            await departures.note(context, actor=RIVER, leaver=leaver, since=CAME)
        clock.advance(days=1)
    async with database.reading() as context:
        assert len(await rows_of(context)) == 1
        since = clock.now - timedelta(days=1)
        assert await departures.inboxes_since(context, RIVER, since) == [ALBERT.shared_inbox]


async def test_a_shared_inbox_on_another_host_is_not_believed(database: Database) -> None:
    liar = Recipient(BOB.actor, BOB.inbox, "https://victim.test/inbox")
    async with database.writing() as context:
        await departures.note(context, actor=RIVER, leaver=liar, since=CAME)
        assert await departures.inboxes_since(context, RIVER) == [BOB.inbox]


async def test_nothing_readable_names_the_server_or_the_hour(database: Database, clock: Clock) -> None:
    marker = Recipient("https://zebrafinch.test/users/m", "https://zebrafinch.test/users/m/inbox")
    async with database.writing() as context:
        await follows.put(context, edge(marker, RIVER))
        await follows.remove(context, edge(marker, RIVER))
    async with database.reading() as context:
        (row,) = await rows_of(context)
        assert row.left_at == datetime(2026, 6, 8, tzinfo=UTC) > clock.now
        assert row.delete_after == row.left_at + timedelta(days=180)
        content = row.place_index + row.actor_index + row.sealed_record
        assert not [text for text in (b"zebrafinch", b"river", b"inbox", b"20:51") if text in content]
        assert await departures.inboxes_since(context, RIVER) == [marker.inbox]
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        stored = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        assert row.place_index in stored
        assert b"zebrafinch" not in stored


async def test_one_domain_takes_twenty_places_and_drives_out_nobody_else(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        await departures.note(context, actor=RIVER, leaver=ALICE, since=CAME)
    for number in range(departures.MOST_OF_A_DOMAIN + 5):
        clock.advance(minutes=1)
        async with database.writing() as context:
            await departures.note(context, actor=RIVER, leaver=stranger(number), since=CAME)
    async with database.reading() as context:
        kept = await departures.inboxes_since(context, RIVER)
        newest = [f"https://h{number}.evil.test/inbox" for number in range(5, departures.MOST_OF_A_DOMAIN + 5)]
        assert sorted(kept) == sorted(["https://alpha.test/inbox", *newest])
    async with database.writing() as context:
        # Who is kept already takes no other's place, and other actors are not touched.
        await departures.note(context, actor=RIVER, leaver=stranger(7), since=CAME)
        await departures.note(context, actor=BROOK, leaver=stranger(0), since=CAME)
        assert sorted(await departures.inboxes_since(context, RIVER)) == sorted(kept)


@pytest.mark.parametrize(("days", "is_kept"), [(179, True), (182, False)])
async def test_a_server_is_forgotten_after_half_a_year(
    database: Database, clock: Clock, days: int, *, is_kept: bool
) -> None:
    async with database.writing() as context:
        await departures.note(context, actor=RIVER, leaver=ALICE, since=CAME)
    clock.advance(days=days)
    async with database.reading() as context:
        assert bool(await departures.inboxes_since(context, RIVER)) is is_kept
    async with database.writing() as context:
        assert await delivery.sweep(context) == int(not is_kept)
        assert len(await rows_of(context)) == int(is_kept)


async def test_an_actor_with_too_many_keeps_the_newest(database: Database, clock: Clock) -> None:
    surplus = 3
    async with database.writing() as context:
        await departures.note(context, actor=BROOK, leaver=ALICE, since=CAME)
        river = context.vault.index("departures.actor", RIVER)
        many = [
            {
                "place_index": number.to_bytes(16),
                "actor_index": river,
                "sealed_record": b"",
                "left_at": clock.now + timedelta(seconds=number),
                "delete_after": clock.now + timedelta(days=1),
            }
            for number in range(departures.MOST + surplus)
        ]
        await context.session.execute(insert(Departure), many)
    async with database.writing() as context:
        assert await departures.sweep(context) == surplus
        assert await departures.sweep(context) == 0
        statement = select(col(Departure.left_at)).where(col(Departure.actor_index) == river)
        left = list((await context.session.execute(statement)).scalars())
        assert (len(left), min(left)) == (departures.MOST, clock.now + timedelta(seconds=surplus))
        assert await departures.inboxes_since(context, BROOK) == [ALICE.shared_inbox]


async def test_only_what_was_sent_while_somebody_received_is_told(database: Database, clock: Clock) -> None:
    """Came, left, was away, came again, left again: two stays, and nothing of the time between."""
    moments = {}
    for came_on, days in ((clock.now.date(), 2), (clock.now.date() + timedelta(days=10), 2)):
        clock.now = datetime.combine(came_on, clock.now.timetz()) + timedelta(hours=1)
        moments[f"during {came_on}"] = clock.now
        clock.advance(days=days)
        async with database.writing() as context:
            await departures.note(context, actor=RIVER, leaver=ALICE, since=came_on)
        moments[f"after {came_on}"] = clock.now + timedelta(days=1)
    before = datetime(2026, 6, 1, tzinfo=UTC)
    async with database.reading() as context:
        told = {when for when, moment in moments.items() if await departures.inboxes_since(context, RIVER, moment)}
        assert told == {when for when in moments if when.startswith("during")}
        assert await departures.inboxes_since(context, RIVER, before) == []


async def test_many_stays_are_told_apart_up_to_a_number(database: Database, clock: Clock) -> None:
    first = clock.now
    for _ in range(departures.MOST_STAYS + 5):
        async with database.writing() as context:
            await departures.note(context, actor=RIVER, leaver=ALICE, since=clock.now.date())
        clock.advance(days=2)
    async with database.reading() as context:
        assert len(await rows_of(context)) == 1
        assert await departures.inboxes_since(context, RIVER, first) == [ALICE.shared_inbox]
