"""Activities of every shape about everything that is here, and requests to every address: all of them end well.

No handler breaks, nothing of ours changes, and no answer is an error of ours, on either database. Bounded, and the
same examples every time in CI; `FUZZ_EXAMPLES` asks for more.
"""

import os
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from federation.table import ANY
from federation.vocabulary.activities import PUBLIC, VERBS
from federation.vocabulary.objects import KINDS
from server.inbound import ACTORS, TABLE
from tests.hostile.markup import CORPUS, DISGUISES
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import Us
from tests.hostile.wire import ACTIVITY_JSON, Document, Shape, encoded, exchange, get, request_bytes, signed_headers

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("database_kind", ["sqlite", "postgres"], indirect=True, scope="module"),
]

BOUNDED = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "12")),
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    # Shrinking takes minutes here: each example is sent to a server, and a broken handler's is tried again.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

NEVER_THEIRS = {"circles", "data_keys", "domain_blocks", "local_actors", "movements", "people", "server_settings"}
"""Tables in which nothing that arrives may change a row."""

THEIRS = {table.name for table in SQLModel.metadata.sorted_tables} - NEVER_THEIRS

_numbers = count(1)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from([*CORPUS, DISGUISES, "", "\x00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "-1", "#"]),
)
names = st.sampled_from(
    """@context id type actor object target origin result to cc bcc audience content contentMap summary name nameMap
        published updated attributedTo inReplyTo url href tag attachment icon image oneOf anyOf votersCount endTime
        closed startTime location source mediaType sensitive proof signature formerType replies likes inbox endpoints
        preferredUsername publicKey alsoKnownAs movedTo language""".split()
) | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
kinds = st.sampled_from(sorted({*VERBS, *KINDS, *ACTORS, "Member", "Tombstone", "Vote", "Frobnicate"}))

verbs = st.sampled_from([*sorted(VERBS), "Frobnicate"])


def places(us: Us, account: Account) -> st.SearchStrategy[str]:
    """Ids of all that exists here, of the sender's own, and of what exists nowhere."""
    here = [us.public, us.secret, f"{us.public}/activity", us.inbox, us.base]
    here += [us.uri(each) for each in (us.robin, us.kim, us.lee, us.flex, us.circle)]
    here += [us.uri(us.circle, part) for part in ("members", "moderators", "followers", "outbox")]
    return st.sampled_from([*here, account.id, account.followers, account.uri("n/1"), account.uri("m/1"), PUBLIC])


def objects(us: Us, account: Account) -> st.SearchStrategy[Any]:
    """What an activity may be about: an id, a thing with one, or nothing that makes sense."""
    place = places(us, account)
    typed = st.fixed_dictionaries(
        {"type": kinds},
        optional={
            "id": place,
            "actor": place,
            "object": place | st.fixed_dictionaries({"type": kinds, "id": place}),
            "attributedTo": place,
            "to": st.lists(place, max_size=3),
            "content": scalars,
            "inReplyTo": place,
        },
    )
    mixed = st.tuples(typed, st.dictionaries(names, values, max_size=4)).map(lambda both: both[0] | both[1])
    return st.one_of(place, typed, mixed, values)


def activities(us: Us, account: Account) -> st.SearchStrategy[Document]:
    """Activities by the sender, whole or twisted."""
    thing = objects(us, account)
    optional = {"target": thing, "origin": thing, "result": thing, "content": scalars, "published": scalars}
    optional |= {"to": st.lists(places(us, account), max_size=3), "cc": values}
    whole = st.fixed_dictionaries({"type": verbs, "object": thing}, optional=optional)
    twisted = st.tuples(whole, st.dictionaries(names, values, max_size=3)).map(lambda both: both[0] | both[1])
    return whole | twisted


@given(data=st.data())
@BOUNDED
async def test_activities(us: Us, evil: PeerServer, data: st.DataObject) -> None:
    """Signed and readable: every handler ends, and nobody's rights, keys, names or movements change."""
    mallory = evil.actor(f"m{next(_numbers)}")  # one who deleted herself does not come back
    await us.know(mallory)
    batch = data.draw(st.lists(activities(us, mallory), min_size=4, max_size=10))
    inbox = data.draw(st.sampled_from([us.inbox, us.uri(us.kim, "inbox"), us.uri(us.circle, "inbox")]))
    async with us.unchanged(evil, but=THEIRS) as watch:
        for made in batch:
            activity = {"id": mallory.uri(f"fuzz/{next(_numbers)}"), "actor": mallory.id} | made
            assert (await mallory.send(inbox, activity)).status in (202, 400, 401), activity
    assert None not in watch.outcomes, batch


async def test_every_row_of_the_table(us: Us, evil: PeerServer) -> None:
    """Each verb about each type that it has a meaning for, with as little said of it as can be."""
    async with us.unchanged(evil, but=THEIRS, within=60) as watch:
        accounts = {verb: evil.actor(f"m{next(_numbers)}") for verb in TABLE.verbs()}
        await us.know(*accounts.values())
        for verb, kind, _ in TABLE:
            mallory = accounts[verb]
            named = {"type": "Note" if kind == ANY else kind}
            mine = named | {"id": mallory.uri("n/1"), "attributedTo": mallory.id, "actor": mallory.id}
            for about in (us.public, us.uri(us.kim), named, mine):
                made = mallory.activity(verb, about, target=us.uri(us.circle), to=[us.uri(us.kim)])
                assert (await mallory.send(us.inbox, made)).status in (202, 400), made
    assert None not in watch.outcomes


@given(
    flaws=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3), cut=st.integers(0, 9)
)
@BOUNDED
async def test_bodies_with_a_flaw(us: Us, mallory: Account, flaws: Sequence[tuple[int, int]], cut: int) -> None:
    """Signed, and an activity but for a few bytes: refused, or taken for what it says now."""
    await us.know(mallory)
    body = bytearray(encoded(mallory.activity("Like", us.secret, content="ä", to=[us.uri(us.kim)])))
    for at, byte in flaws:
        body[at % len(body)] = byte
    async with us.unchanged(mallory.peer, but={"inbox_items", "activity_tallies", "tombstones"}) as watch:
        reply = await mallory.send(us.inbox, bytes(body[: len(body) - cut]))
    assert reply.status in (202, 400, 401)
    assert None not in watch.outcomes


lines = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60)
header_names = st.sampled_from(
    """Host Date Digest Content-Digest Signature Signature-Input Content-Type Content-Length Transfer-Encoding
        Content-Encoding Collection-Synchronization Expect Upgrade Connection Accept Cookie X-Forwarded-Host
        X-Forwarded-Proto Forwarded Range""".split()
) | st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)


@given(headers=st.lists(st.tuples(header_names, lines), min_size=1, max_size=5))
@BOUNDED
async def test_headers(us: Us, mallory: Account, headers: Sequence[tuple[str, str]]) -> None:
    """A good request with anything in its headers: whatever a proxy may add, or an attacker."""
    await us.know(mallory)
    body = encoded(mallory.activity("Dislike", us.public))
    signed = signed_headers("POST", us.inbox, body, mallory.key, mallory.key_id, Shape()) | dict(headers)
    usual = {"Content-Type": ACTIVITY_JSON, "Content-Length": str(len(body)), "Connection": "close"}
    head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in (usual | signed).items())
    async with us.unchanged(mallory.peer, but={"inbox_items", "activity_tallies"}):
        request = b"POST /ap/inbox HTTP/1.1\r\n" + head + b"\r\n" + body
        assert (await exchange(us.server.port, request, ends=True)).status < 500


STARTS = [b"", b"GET ", b"POST /ap/inbox HTTP/1.1\r\n", b"POST /ap/inbox HTTP/1.1\r\nContent-Length: 5\r\n"]


@given(raw=st.lists(st.binary(max_size=300), max_size=4), start=st.sampled_from(STARTS))
@BOUNDED
async def test_bytes_that_are_no_request(us: Us, raw: Sequence[bytes], start: bytes) -> None:
    """The next caller is answered."""
    async with us.unchanged():
        for each in raw:
            assert (await exchange(us.server.port, start + each + b"\r\n\r\n\r\n", ends=True)).status < 500
        assert (await get(us.public)).status == 200


segments = st.one_of(
    st.sampled_from(
        "ap actors objects activities instance inbox outbox followers activity replies .well-known".split()
    ),
    st.sampled_from("webfinger nodeinfo host-meta @flex @ @kim setup static healthz 0 -1 2.0 2.1 1e9".split()),
    st.sampled_from(["%00", "%ff", "..", "%2e%2e", "%2F", "9" * 30, "9" * 5_000, "a" * 26, "%E2%80%AE", "*", "%0d%0a"]),
    st.binary(max_size=12).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
)
queries = st.dictionaries(
    st.sampled_from(["resource", "cursor", "uri", "page"]),
    st.one_of(segments, st.sampled_from(["acct:flex%00@us.localhost", "acct:@", "https://%00/", "start", "-1"])),
    max_size=2,
)
ACCEPTS = [
    "",
    "*/*",
    "text/html",
    ACTIVITY_JSON,
    "application/ld+json;q=2",
    ";;q=,,",
    "\xff",
    "text/html;q=" + "9" * 500,
]
requests = st.lists(
    st.tuples(st.lists(segments, max_size=5), queries, st.sampled_from(ACCEPTS)), min_size=4, max_size=12
)


@given(wanted=requests)
@BOUNDED
async def test_addresses(us: Us, wanted: Sequence[tuple[Sequence[str], dict[str, str], str]]) -> None:
    """Whatever is asked for, by GET and by POST."""
    async with us.unchanged():
        for parts, query, accept in wanted:
            target = "/" + "/".join(parts) + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
            head = [("Host", us.server.domain), ("Accept", accept), ("Connection", "close"), ("Content-Length", "0")]
            for method in ("GET", "POST"):
                reply = await exchange(us.server.port, request_bytes(method, target, head))
                assert 0 < reply.status < 500, target


@pytest.mark.parametrize("path", ["/@%00", "/@flex/%00", "/ap/actors/%00", "/ap/objects/%00", "/ap/activities/%00"])
async def test_addresses_with_nothing_in_them(us: Us, mallory: Account, path: str) -> None:
    """PostgreSQL takes no NUL; neither a page, nor a document, nor an inbox may fail for it."""
    await us.know(mallory)
    async with us.unchanged():
        for accept in ("text/html", ACTIVITY_JSON):
            assert (await get(f"{us.base}{path}", Accept=accept)).status in (400, 404, 422)
        for part in ("inbox", "outbox", "followers_synchronization", "replies", "activity"):
            assert (await mallory.get(f"{us.base}{path}/{part}")).status in (400, 401, 404, 405, 422)
        sent = await mallory.send(f"{us.base}{path}/inbox", mallory.activity("Like", us.public))
        assert sent.status in (400, 404, 405, 422)


@pytest.mark.parametrize(("length", "outcomes"), [(253, ["done"] * 4), (254, []), (259, [])])
async def test_hosts_as_long_as_hosts_get(us: Us, mallory: Account, length: int, outcomes: list[str]) -> None:
    """Everything that is kept by host has room for 253 characters, port included; what is longer is no host."""
    end = f".localhost:{mallory.peer.listener.port}"
    far = mallory.peer.actor("far", host=".".join(["n" * 60] * 5)[: length - len(end)] + end)
    async with us.unchanged(mallory.peer, but=THEIRS if outcomes else ()) as watch:
        for activity in (
            far.activity("Follow", us.uri(us.kim)),
            far.activity("Flag", us.uri(us.kim)),
            far.activity("Delete", far.uri("n/1")),
            far.create(far.note("hello", to=[us.uri(us.kim)])),
        ):
            assert (await far.send(us.inbox, activity)).status == (202 if outcomes else 401)
    assert watch.outcomes == outcomes
