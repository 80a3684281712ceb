"""Anything at all, sent to a running server: never an error of ours, never a change (bounded, and the same in CI)."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.inbound import TABLE
from tests.hostile.markup import CORPUS
from tests.hostile.peer import Account
from tests.hostile.us import CACHED, COUNTED, TAKEN_IN, Us
from tests.hostile.wire import exchange, post, request_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=list(HealthCheck),
)
VERBS = [*sorted(TABLE.verbs()), "Unheard", "Note", ""]
MEMBERS = "id type actor object target origin to cc content summary name inReplyTo tag attachment published".split()
PASSES = ("activity_tallies", "inbox_items", *CACHED, *COUNTED)

plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30), st.sampled_from(CORPUS)
)
anything = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=8)


@BOUNDED
@given(documents=st.lists(documents, min_size=4, max_size=8), verb=st.sampled_from(VERBS))
async def test_signed_activities_of_any_shape(
    us: Us, mallory: Account, documents: list[dict[str, Any]], verb: str
) -> None:
    async with us.unchanged(mallory.peer, but=PASSES):
        for document in documents:
            activity = mallory.activity(verb, anything_of(document)) | document
            assert (await mallory.send(us.inbox, activity | {"actor": mallory.id})).status < 500


def anything_of(document: dict[str, Any]) -> Any:
    """One of its values as the object, or the whole."""
    return document.get("object", document)


@BOUNDED
@given(
    bodies=st.lists(
        st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()), min_size=4, max_size=8
    )
)
async def test_signed_bodies_of_any_bytes(us: Us, mallory: Account, bodies: list[bytes]) -> None:
    async with us.unchanged(mallory.peer, but=(*TAKEN_IN, *CACHED)):
        for body in bodies:
            assert (await mallory.send(us.inbox, body)).status in (400, 401)


@BOUNDED
@given(
    values=st.lists(
        st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=200), min_size=4, max_size=8
    )
)
async def test_unsigned_headers_of_any_text(us: Us, values: list[str]) -> None:
    async with us.unchanged():
        for value in values:
            text = value.encode("latin-1", "replace").decode("latin-1").strip()
            for name in ("Signature", "Signature-Input", "Digest", "Content-Type", "Host"):
                assert (await post(us.inbox, b"{}", {name: text})).status in (400, 401)


@BOUNDED
@given(
    targets=st.lists(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=60), min_size=4, max_size=8
    )
)
async def test_addresses_of_any_text(us: Us, targets: list[str]) -> None:
    async with us.unchanged():
        for target in targets:
            for path in ("/ap/actors/", "/ap/objects/", "/.well-known/webfinger?resource=", "/@"):
                head = [("Host", us.server.domain), ("Connection", "close")]
                reply = await exchange(us.server.port, request_bytes("GET", path + target, head))
                assert reply.status < 500
