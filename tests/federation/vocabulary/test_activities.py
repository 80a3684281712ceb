"""Activities: who and what must be certain, everything else may look as it likes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.vocabulary import Document
from federation.vocabulary.activities import (
    MAX_RECIPIENTS,
    PUBLIC,
    UNRECOGNIZED,
    VERBS,
    Reference,
    addresses,
    parse_activity,
)
from federation.vocabulary.documents import Malformed
from tests.federation.vocabulary.anything import ANYTHING, changed

ACTOR = "https://peer.example/users/ann"
NOTE = "https://peer.example/notes/1"


def activity(**changes: object) -> Document:
    return {"id": "https://peer.example/activities/1", "type": "Like", "actor": ACTOR, "object": NOTE, **changes}


def test_what_is_parsed() -> None:
    parsed = parse_activity(activity(to="as:Public", cc=[{"id": ACTOR}, "Public"], published="2026-06-07T20:51:35Z"))
    assert (parsed.type, parsed.actor, parsed.object, parsed.objects) == ("Like", ACTOR, Reference(id=NOTE), (NOTE,))
    assert (parsed.to, parsed.cc) == ((PUBLIC,), (ACTOR, PUBLIC))
    assert parsed.published is not None


@pytest.mark.parametrize("actor", [ACTOR, {"id": ACTOR}, {"type": "Person", "id": ACTOR, "name": "Ann"}, [ACTOR]])
def test_one_actor_in_any_shape(actor: object) -> None:
    assert parse_activity(activity(actor=actor)).actor == ACTOR


@pytest.mark.parametrize(
    "actor",
    [
        None,
        "",
        1,
        True,
        {},
        [],
        {"id": 1},
        {"id": [ACTOR]},
        {"href": ACTOR},
        [ACTOR, "https://victim.example/users/vic"],
        [ACTOR, ACTOR],
        [[ACTOR]],
        "acct:ann@peer.example",
        "https://",
        "https://u:p@peer.example/users/ann",
        "javascript:alert(1)",
        "https://peer.example/\nusers/ann",
        "https://peer.example/" + "a" * 3_000,
    ],
)
def test_refuses_no_actor_two_actors_and_unusable_ones(actor: object) -> None:
    with pytest.raises(Malformed):
        parse_activity(activity(actor=actor))


@pytest.mark.parametrize("identifier", [None, "", 5, [], ["https://peer.example/1"], {"id": "x"}, "urn:uuid:1", "/1"])
def test_refuses_an_unusable_id(identifier: object) -> None:
    with pytest.raises(Malformed):
        parse_activity(activity(id=identifier))


@pytest.mark.parametrize("document", [None, [], "Like", 1, {}, [{"type": "Like"}]])
def test_refuses_what_is_no_object(document: object) -> None:
    with pytest.raises(Malformed):
        parse_activity(document)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_known_verbs(verb: str) -> None:
    assert parse_activity(activity(type=verb)).type == verb


def test_the_first_known_type_counts_and_the_rest_is_unrecognized() -> None:
    assert parse_activity(activity(type=["ext:Clap", "Like", "Follow"])).type == "Like"
    assert parse_activity(activity(type="Arrive")).type == UNRECOGNIZED
    assert parse_activity(activity(type="like")).type == UNRECOGNIZED
    missing: object
    for missing in (None, [], 1, {}, "", [1]):
        with pytest.raises(Malformed):
            parse_activity(activity(type=missing))


def test_unrecognized_verbs_may_carry_anything() -> None:
    parsed = parse_activity(activity(type="Arrive", object=["x", 1], target="acct:a@b", location=[]))
    assert (parsed.object, parsed.target) == (None, None)


@pytest.mark.parametrize("verb", ["Follow", "Create", "Delete", "Announce", "Undo", "Accept"])
def test_several_objects_only_in_a_report(verb: str) -> None:
    with pytest.raises(Malformed):
        parse_activity(activity(type=verb, object=[NOTE, ACTOR]))
    assert parse_activity(activity(type=verb, object=[NOTE])).object == Reference(id=NOTE)
    assert parse_activity(activity(type="Flag", object=[ACTOR, NOTE])).objects == (ACTOR, NOTE)


@pytest.mark.parametrize("key", ["object", "target", "origin", "result"])
def test_references(key: str) -> None:
    embedded = {"id": NOTE, "type": ["Note"], "content": "x"}
    assert getattr(parse_activity(activity(**{key: embedded})), key) == Reference(
        id=NOTE, type="Note", embedded=embedded
    )
    nameless = {"type": "Collection"}
    assert getattr(parse_activity(activity(**{key: nameless})), key) == Reference(
        id=None, type="Collection", embedded=nameless
    )
    assert getattr(parse_activity(activity(**{key: None})), key) is None
    unusable: object
    for unusable in (7, True, "note", {"id": 7}, {"id": "acct:x@y"}, {"id": ""}, [[NOTE]]):
        with pytest.raises(Malformed):
            parse_activity(activity(**{key: unusable}))


def test_hidden_recipients_are_not_recipients() -> None:
    parsed = parse_activity(activity(bto=[ACTOR], bcc="as:Public"))
    assert (parsed.to, parsed.cc, parsed.audience) == ((), (), ())


def test_recipients_are_capped_and_cleaned() -> None:
    many = [f"https://peer.example/users/{number}" for number in range(5_000)]
    assert addresses(many) == tuple(many[:MAX_RECIPIENTS])
    assert addresses([ACTOR, ACTOR, 5, None, {}, "x", "as:public", [ACTOR]]) == (ACTOR,)


def test_content_is_plain_text() -> None:
    assert parse_activity(activity(type="EmojiReact", content="🌱")).content == "🌱"
    assert parse_activity(activity(_misskey_reaction="⭐")).content == "⭐"
    assert parse_activity(activity(type="Flag", content="a\u202eb\x00" + "c" * 50_000)).content == "ab" + "c" * 19_998
    empty: object
    for empty in ("", None, 5, [], {}):
        assert parse_activity(activity(content=empty)).content is None


@settings(deadline=None)
@given(ANYTHING)
def test_any_json_parses_or_is_malformed(document: object) -> None:
    try:
        parse_activity(document)
    except Malformed:
        pass


@settings(deadline=None)
@given(st.data())
def test_any_change_of_a_property_parses_or_is_malformed(data: st.DataObject) -> None:
    document = changed(data, activity(type=data.draw(st.sampled_from(sorted(VERBS)))))
    try:
        parsed = parse_activity(document)
    except Malformed:
        return
    assert parsed.actor.startswith("http")
    assert parsed.id.startswith("http")
