"""Who may say what about which id: the rules of FEP-fe34, one by one, with what breaks them."""

from typing import Any

import pytest

from federation import authority
from federation.authority import NotAuthorized
from federation.origin import Origin
from federation.vocabulary.activities import Activity, parse_activity

EVIL = "https://evil.example"
MALLORY = f"{EVIL}/mallory"
VICTIM = "https://victim.example"
CARLA = f"{VICTIM}/carla"
ORIGIN = Origin("https", "our.example")

Document = dict[str, Any]


def activity(verb: str = "Create", object: object = f"{EVIL}/n/1", **changes: object) -> Activity:
    return parse_activity({"id": f"{EVIL}/a/1", "type": verb, "actor": MALLORY, "object": object, **changes})


def note(**changes: object) -> Document:
    return {"id": f"{EVIL}/n/1", "type": "Note", "attributedTo": MALLORY, **changes}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (MALLORY, MALLORY, True),
        (MALLORY, "HTTPS://EVIL.example:443/mallory", True),
        (MALLORY, f"{EVIL}/Mallory", False),
        (MALLORY, f"{EVIL}/mallory/", False),
        (MALLORY, f"{EVIL}:8443/mallory", False),
        (MALLORY, f"{MALLORY}#x", False),
        (MALLORY, "https://x@evil.example/mallory", False),
        ("acct:mallory@evil.example", "acct:mallory@evil.example", False),
        ("https://[", "https://[", False),
    ],
)
def test_ids_are_equal_byte_for_byte_after_the_host(one: str, other: str, same: bool) -> None:
    assert authority.same_id(one, other) is same


def test_only_the_actor_signs_for_the_actor() -> None:
    authority.check_sender(activity(), MALLORY)
    with pytest.raises(NotAuthorized):
        authority.check_sender(activity(), f"{EVIL}/other")


@pytest.mark.parametrize(
    "uri",
    [
        "https://our.example/ap/actors/a",
        "https://OUR.example/x",
        "https://our.example./x",
        "https://our.example:443/x",
        "https://anyone@our.example/x",
        "https://our%2eexample/x",
        "http://our.example/x",
    ],
)
def test_our_own_ids_come_from_nobody_else(uri: str) -> None:
    with pytest.raises(NotAuthorized):
        authority.check_foreign(ORIGIN, (MALLORY, uri))


def test_an_activity_lives_where_its_actor_lives() -> None:
    authority.check_activity_id(activity())
    with pytest.raises(NotAuthorized):
        authority.check_activity_id(activity(id=f"{VICTIM}/a/9"))
    with pytest.raises(NotAuthorized):
        authority.check_activity_id(activity(id="https://sub.evil.example/a/9"))


def test_only_an_undo_may_do_without_an_id_of_its_own() -> None:
    foreign = "https://our.example/ap/actors/a/Undo_1"
    undo = authority.with_own_id(activity("Undo", id=foreign), "abc")
    assert undo.id == f"{MALLORY}#undo-abc"
    authority.check_activity_id(undo)
    assert authority.with_own_id(activity("Undo"), "abc") == activity("Undo")
    assert authority.with_own_id(activity("Like", id=foreign), "abc").id == foreign


@pytest.mark.parametrize(
    ("verb", "object", "itself"),
    [
        ("Delete", MALLORY, True),
        ("Update", {"id": MALLORY, "type": "Person"}, True),
        ("Delete", f"{EVIL}/n/1", False),
        ("Create", MALLORY, False),
        ("Delete", {"type": "Tombstone"}, False),
    ],
)
def test_who_speaks_of_itself(verb: str, object: object, itself: bool) -> None:
    assert authority.is_about_itself(activity(verb, object)) is itself


def test_what_a_third_server_may_hand_on() -> None:
    for verb in ("Create", "Update", "Delete"):
        authority.check_forwardable(activity(verb), ORIGIN)


@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        ("Like", {}),
        ("Announce", {}),
        ("Follow", {}),
        ("Create", {"object": {"type": "Note"}}),
        ("Create", {"object": f"{VICTIM}/n/1"}),
        ("Create", {"object": "https://our.example/ap/objects/1"}),
        ("Delete", {"actor": "https://our.example/ap/actors/1", "object": "https://our.example/ap/actors/1"}),
    ],
)
def test_what_it_may_not(verb: str, changes: Document) -> None:
    with pytest.raises(NotAuthorized):
        authority.check_forwardable(activity(verb, **changes), ORIGIN)


@pytest.mark.parametrize(
    "document",
    [
        note(),
        note(attributedTo={"id": MALLORY, "type": "Person"}),
        note(attributedTo=[MALLORY]),
        note(id=None),
        {"type": "Note", "name": "yes"},
        {"id": f"{MALLORY}#votes/1", "type": "Note", "name": "yes"},
        {"id": MALLORY, "type": "Person", "attributedTo": f"{EVIL}/moderators"},
    ],
)
def test_owners_are_believed_about_their_own(document: Document) -> None:
    assert authority.is_believable({k: v for k, v in document.items() if v is not None}, MALLORY)


@pytest.mark.parametrize(
    "document",
    [
        note(id=f"{VICTIM}/n/1"),
        note(id=f"{VICTIM}/n/1", attributedTo=CARLA),
        note(id="https://our.example/ap/objects/1"),
        note(id=7),
        note(attributedTo=CARLA),
        note(attributedTo=f"{EVIL}/other"),
        note(attributedTo=[CARLA, MALLORY]),
        note(attributedTo=[MALLORY, f"{EVIL}/group"]),
        note(attributedTo=1),
        note(attributedTo={"id": "https://our.example/ap/actors/admin"}),
        note(attributedTo=["x"] * 11),
        {"id": f"{EVIL}/n/1", "type": "Note"},
        {"id": f"{EVIL}/other", "type": "Person", "attributedTo": MALLORY},
    ],
)
def test_nobody_else_is(document: Document) -> None:
    assert not authority.is_believable(document, MALLORY)


@pytest.mark.parametrize(
    "document",
    [
        note(),
        note(attributedTo=[MALLORY, f"{EVIL}/channel"]),
        note(type="Event", attributedTo=f"{EVIL}/group", actor=MALLORY),
        {"id": MALLORY, "type": "Service"},
    ],
)
def test_what_an_origin_serves_may_be_the_actors(document: Document) -> None:
    authority.check_owned_by(document, MALLORY)


@pytest.mark.parametrize(
    "document",
    [
        note(attributedTo=f"{EVIL}/other"),
        note(attributedTo=CARLA),
        note(attributedTo=CARLA, actor=MALLORY),
        note(attributedTo=[MALLORY, CARLA]),
        note(attributedTo=None),
        note(id=None),
        note(type="Group", id=f"{EVIL}/group", actor=MALLORY),
    ],
)
def test_or_somebody_elses(document: Document) -> None:
    with pytest.raises(NotAuthorized):
        authority.check_owned_by(document, MALLORY)


def test_only_the_actor_undoes() -> None:
    authority.check_undo(activity("Undo", {"type": "Like", "actor": MALLORY}))
    authority.check_undo(activity("Undo", {"type": "Like", "actor": {"id": MALLORY}}))
    authority.check_undo(activity("Undo", f"{EVIL}/likes/1"))
    for stranger in (CARLA, f"{EVIL}/other", 7, [MALLORY]):
        with pytest.raises(NotAuthorized):
            authority.check_undo(activity("Undo", {"type": "Like", "actor": stranger}))


def test_deletes_stay_on_their_origin() -> None:
    authority.check_delete(activity("Delete"), ORIGIN)
    for elsewhere in (f"{VICTIM}/n/1", "https://our.example/ap/objects/1", {"type": "Tombstone"}):
        with pytest.raises(NotAuthorized):
            authority.check_delete(activity("Delete", elsewhere), ORIGIN)


def test_refusals_name_nobody() -> None:
    with pytest.raises(NotAuthorized) as refusal:
        authority.check_owned_by(note(attributedTo=CARLA), MALLORY)
    assert "://" not in str(refusal.value)
