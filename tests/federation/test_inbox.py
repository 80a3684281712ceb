"""The way in: who is believed, what is stored, and what the sender is told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from federation.inbox import process_waiting
from federation.memory import MAX_IN_FLIGHT
from federation.remote import forget_actor, resolve_actor
from models import LocalActor, ServerSetting
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.strangers import Stranger, encoded, rsa_key, strangers


async def test_a_signed_activity_is_stored_sealed_and_handled(us: Running, bob: Stranger) -> None:
    note = bob.note("n/1", "the secret word")
    answer = await us.post(bob, bob.activity("Create", note))
    assert (answer.status_code, answer.content) == (202, b"")
    (item,) = await us.items()
    assert (item.state, item.host) == ("waiting", bob.base.removeprefix("http://"))
    assert b"secret" not in (item.sealed_body or b"")
    assert bob.name.encode() not in (item.sealed_body or b"")

    assert await us.process() == ["done"]
    (received,) = us.program.received
    assert received.sender.id == bob.id
    assert received.object == note
    assert received.recipient_id is None
    (item,) = await us.items()
    assert (item.state, item.sealed_body) == ("done", None)


async def test_a_personal_inbox_makes_a_recipient(us: Running, bob: Stranger) -> None:
    assert (await us.post(bob, bob.activity("Like", "x:y"))).status_code == 400
    activity = bob.activity("Like", f"{bob.base}/n/1")
    assert (await us.post(bob, activity, f"/ap/actors/{us.ada.id}/inbox")).status_code == 202
    await us.process()
    assert [received.recipient_id for received in us.program.received] == [us.ada.id]


async def test_both_forms_of_signature_and_every_inbox(us: Running, bob: Stranger) -> None:
    ways = [(spec, path) for spec in ("cavage", "rfc9421") for path in ("/ap/inbox", "/inbox", "/ap/instance/inbox")]
    for number, (spec, path) in enumerate(ways):
        answer = await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"), path, spec=spec)
        assert answer.status_code == 202, (spec, path)
    assert len(await us.items()) == 6


async def test_waking_the_worker_comes_after_the_commit(us: Running, bob: Stranger) -> None:
    woken: list[str] = []
    us.database.woken = woken.append
    activity = bob.activity("Like", f"{bob.base}/n/1")
    await us.post(bob, activity)
    await us.post(bob, activity)
    assert woken == ["inbox"]


async def test_a_repeat_is_accepted_and_does_nothing(us: Running, bob: Stranger, clock: Clock) -> None:
    body = encoded(bob.activity("Like", f"{bob.base}/n/1"))
    assert [(await us.post(bob, body)).status_code for _ in range(3)] == [202, 202, 202]
    assert await us.process() == ["done"]
    clock.advance(days=29)
    assert (await us.post(bob, body)).status_code == 202
    assert await us.process() == ["done"]
    assert len(us.program.received) == 1


async def test_the_same_activity_at_once_is_handled_once(us: Running, bob: Stranger) -> None:
    body = encoded(bob.activity("Create", bob.note("n/1")))
    answers = await asyncio.gather(*(us.post(bob, body) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {202}
    taken = await asyncio.gather(*(process_waiting(us.federation) for _ in range(4)))
    assert sum(taken) == 1
    assert len(us.program.received) == 1
    async with us.database.reading() as context:
        done = (await context.session.execute(select(col(ServerSetting.value)))).scalars().all()
    assert done == ["Create"]


# Who is not heard


MISFITS: list[tuple[dict[str, Any], int]] = [
    ({"headers": {"Signature": ""}}, 401),
    ({"headers": {"Host": "elsewhere.test"}}, 400),
    ({"headers": {"Host": "groundswell.test:80"}}, 400),
    ({"headers": {"Content-Type": "application/json"}}, 400),
    ({"headers": {"Content-Type": "text/html"}}, 400),
    ({"signed_body": b"another body"}, 401),
    ({"target_uri": "http://groundswell.test/ap/other"}, 401),
    ({"target_uri": "http://elsewhere.test/ap/inbox"}, 400),
    ({"target_uri": "http://elsewhere.test/ap/inbox", "headers": {"Host": "groundswell.test"}}, 401),
    ({"method": "PUT"}, 401),
]


async def test_what_does_not_fit_is_refused(us: Running, bob: Stranger) -> None:
    for how, status in MISFITS:
        answer = await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"), **how)
        assert answer.status_code == status, how
        assert set(answer.json()) == {"error"}
        assert bob.name not in answer.text
        assert ("accept-signature" in answer.headers) is (status == 401)
    assert await us.items() == []


async def test_an_unsigned_post_is_refused_and_spoils_nothing(us: Running, bob: Stranger) -> None:
    """HOSTILE A8: an id is remembered only once its sender is known."""
    body = encoded(bob.activity("Like", f"{bob.base}/n/1"))
    answer = await us.http.post("/ap/inbox", content=body, headers={"Content-Type": "application/activity+json"})
    assert answer.status_code == 401
    assert (await us.post(bob, body)).status_code == 202
    assert await us.process() == ["done"]


BROKEN = [
    b"",
    b"[]",
    b"{",
    b'{"type": "Like"}',
    b'{"id":"http://a.test/1","type":"Like","actor":"http://a.test/b","object":"http://a.test/c","type":"Create"}',
    b'{"id":"http://a.test/1","type":"Like","actor":"http://a.test/b","object":NaN}',
    b"\xef\xbb\xbf{}",
    '{"id":"é"}'.encode("utf-16"),
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"a": [' + b"1," * 60_000 + b"1]}",
    b'{"a": ' + b"9" * 5_000 + b"}",
]


async def test_broken_json_is_a_client_error(us: Running, bob: Stranger) -> None:
    """HOSTILE A10, E2."""
    for body in BROKEN:
        assert (await us.post(bob, body)).status_code == 400, body[:40]
    assert await us.items() == []


async def test_a_body_over_a_mebibyte_is_not_taken(us: Running, bob: Stranger) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    answer = await us.http.post("/ap/inbox", content=endless(), headers={"Content-Type": "application/activity+json"})
    assert answer.status_code == 413
    assert sent < 5 * 1024 * 1024
    assert (await us.post(bob, b" " * 1_048_577)).status_code == 413
    told = await us.http.post("/ap/inbox", content=b"{}", headers={"Content-Length": "99999999"})
    assert told.status_code == 413


async def test_inboxes_that_are_not_there(us: Running, bob: Stranger) -> None:
    like = bob.activity("Like", f"{bob.base}/n/1")
    assert (await us.post(bob, like, "/ap/actors/nobody/inbox")).status_code == 404
    async with us.database.writing() as context:
        await context.session.execute(update(LocalActor).where(col(LocalActor.id) == us.ada.id).values(state="deleted"))
    assert (await us.post(bob, like, f"/ap/actors/{us.ada.id}/inbox")).status_code == 410


async def test_a_crowd_is_asked_to_come_later(us: Running, bob: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.inbox.MOST_WAITING", 2)
    likes = [bob.activity("Like", f"{bob.base}/n/1", f"a/{number}") for number in range(3)]
    answers = [await us.post(bob, activity) for activity in likes]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["retry-after"] == "60"
    await us.process()
    assert (await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/9"))).status_code == 202


async def test_a_blocked_domain_hears_what_every_unproven_signer_hears(us: Running, bob: Stranger) -> None:
    """Nobody reads out whom we block: the answer is that to a key which cannot be had, and nothing is fetched."""
    activity = bob.activity("Like", f"{bob.base}/n/1")
    unknown = await us.post(bob, activity, key_id=f"{bob.base}/no-such-key")
    forged = await us.post(bob, activity, key=rsa_key(1))
    bob.peer.requests.clear()
    await us.block("127.0.0.1")
    blocked = await us.post(bob, activity)
    assert blocked.status_code == 401
    assert _seen(blocked) == _seen(unknown) == _seen(forged)
    assert bob.peer.targets == []
    assert await us.items() == []


async def test_an_actor_is_blocked_whoever_speaks_of_it(us: Running, bob: Stranger, clock: Clock) -> None:
    """A claim in its name that nobody proved hears 401 as any other; what is handed on is dropped, its host unasked."""
    async with strangers("other", "carla", clock=clock) as (_, carla):
        carla.host = "carla.localhost"
        claims = [carla.activity("Create", carla.note("n/1"), f"a/{number}") for number in range(4)]
        proved = [carla.prove(claim) for claim in claims]
        before = [
            await us.post(bob, claims[0], key=carla.key),
            await us.post(bob, claims[0], key_id=bob.uri("none")),
            await us.post(bob, carla.activity("Like", bob.id, "a/9")),
        ]
        await us.block("carla.localhost")
        after = [
            await us.post(bob, claims[1], key=carla.key),
            await us.post(bob, claims[1], key_id=bob.uri("none")),
            await us.post(bob, carla.activity("Like", bob.id, "a/10")),
        ]
        assert [_seen(answer) for answer in after] == [_seen(answer) for answer in before]
        assert {answer.status_code for answer in after} == {401}
        assert [(await us.post(bob, each)).status_code for each in (claims[2], proved[3])] == [202, 202]
        assert carla.peer.targets == []
    assert await us.items() == []


async def test_strangers_that_delete_themselves_are_not_asked_about(us: Running, bob: Stranger) -> None:
    """WIRE 1.10, HOSTILE E5."""
    for number, verb in enumerate(("Delete", "Update")):
        activity = bob.activity(verb, bob.id, f"a/{number}")
        assert (await us.post(bob, activity)).status_code == 202
    assert bob.peer.targets == []
    assert await us.items() == []


async def test_an_actor_that_its_server_calls_gone_is_deleted(us: Running, bob: Stranger, clock: Clock) -> None:
    await resolve_actor(us.federation, bob.id)
    bob.serve("bob", {"type": "Tombstone"}, status=410)
    clock.advance(minutes=6)
    other_key = rsa_key(1)
    assert (await us.post(bob, bob.activity("Delete", bob.id, "a/1"), key=other_key)).status_code == 202
    assert (await us.post(bob, bob.activity("Like", bob.id, "a/2"), key=other_key)).status_code == 401
    assert await us.process() == ["done"]
    assert [received.activity.type for received in us.program.received] == ["Delete"]


async def test_a_key_that_nobody_lists_deletes_nobody(us: Running, bob: Stranger) -> None:
    """Only a 410 stands in for a signature; that a key cannot be had does not."""
    await resolve_actor(us.federation, bob.id)
    delete = bob.activity("Delete", bob.id)
    assert (await us.post(bob, delete, key_id=f"{bob.id}#other-key", key=rsa_key(1))).status_code == 202
    bob.serve("bob", {}, status=500)
    assert (await us.post(bob, delete, key_id=f"{bob.id}#third-key", key=rsa_key(1))).status_code == 202
    assert await us.items() == []


def _seen(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer that its reader sees, but for the moment."""
    return answer.status_code, answer.content, {name: v for name, v in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("verb", ["Delete", "Update"])
async def test_nobody_learns_whom_we_know(us: Running, bob: Stranger, verb: str) -> None:
    """Whom we know may be a member: a forged word of an actor about itself is answered alike for all, and dropped."""
    forged: list[dict[str, Any]] = [
        {"key": rsa_key(1)},
        {"key": rsa_key(1), "key_id": f"{bob.id}#no-such-key"},
        {"key": rsa_key(1), "key_id": "http://localhost:9/elsewhere#main-key"},
    ]
    strange = [await us.post(bob, bob.activity(verb, bob.id, f"a/{n}"), **how) for n, how in enumerate(forged)]
    await resolve_actor(us.federation, bob.id)
    known = [await us.post(bob, bob.activity(verb, bob.id, f"b/{n}"), **how) for n, how in enumerate(forged)]
    assert [answer.status_code for answer in known] == [202] * 3
    assert [_seen(answer) for answer in strange] == [_seen(answer) for answer in known]
    assert await us.items() == []


async def test_a_changed_key_is_fetched_once(us: Running, bob: Stranger, clock: Clock) -> None:
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/1"))
    bob.key = rsa_key(1)
    bob.publish()
    clock.advance(minutes=6)
    asked = len(bob.peer.targets)
    assert (await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/2"))).status_code == 202
    assert len(bob.peer.targets) == asked + 1
    for _ in range(5):
        wrong = await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/3"), key=rsa_key(0))
        assert wrong.status_code == 401
    assert len(bob.peer.targets) <= asked + 2


async def test_the_suspended_may_only_take_back(us: Running, bob: Stranger) -> None:
    """HOSTILE A18."""
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/0"))
    async with us.database.writing() as context:
        await forget_actor(context, bob.id, state="suspended")
    # What waited when the suspension came is not done either.
    assert await us.process() == ["ignored"]
    for number, verb in enumerate(("Create", "Announce", "Undo", "Delete", "Update"), start=1):
        activity = bob.activity(verb, f"{bob.base}/n/1", f"a/{number}")
        assert (await us.post(bob, activity)).status_code == 202
    await us.process()
    assert sorted(received.activity.type for received in us.program.received) == ["Delete", "Undo"]
    assert len(await us.items()) == 3


async def test_a_key_at_a_name_that_is_none_is_refused(us: Running, bob: Stranger) -> None:
    """The system's own look-up fails in a way of its own for a label of 64 characters: 401 all the same, no 5xx."""
    like = bob.activity("Like", f"{bob.base}/n/1")
    answer = await us.post(bob, like, key_id=f"http://{'a' * 64}.example/key", key=rsa_key(1))
    assert answer.status_code == 401
    assert await us.items() == []


async def test_whom_we_could_not_ask_for_a_key_hears_that_it_was_us(us: Running, bob: Stranger) -> None:
    """Neither "not authentic", after which peers give up, nor anything remembered against the key."""
    memory, now, done = us.federation.memory, us.federation.clock(), asyncio.Event()
    others = [
        asyncio.create_task(memory.once(f"other {number}", "other.example", done.wait, now=now))
        for number in range(MAX_IN_FLIGHT)
    ]
    await asyncio.sleep(0)
    response = await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "60")
    done.set()
    await asyncio.gather(*others)
    assert (await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))).status_code == 202
