"""Actors: foreign ones are taken at their word only about themselves, ours are one document for everybody."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.vocabulary import Document
from federation.vocabulary.actors import PublicKeyEntry, media_url, page_of, parse_actor
from federation.vocabulary.documents import Malformed
from tests.federation.vocabulary.anything import ANYTHING, changed

ANN = "https://peer.example/users/ann"
KEY = {"id": f"{ANN}#main-key", "owner": ANN, "publicKeyPem": "PEM"}
MULTIKEY = {"id": f"{ANN}#k", "type": "Multikey", "controller": ANN, "publicKeyMultibase": "z6Mk"}


def person(**changes: object) -> Document:
    return {"id": ANN, "type": "Person", "preferredUsername": "ann", "inbox": f"{ANN}/inbox", **changes}


def test_the_least_an_actor_says() -> None:
    actor = parse_actor(person())
    assert (actor.id, actor.type, actor.preferred_username, actor.url) == (ANN, "Person", "ann", ANN)
    assert (actor.locked, actor.discoverable, actor.shared_inbox, actor.keys) == (False, False, None, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "acct:ann@peer.example"},
        {"id": [ANN]},
        {"type": None},
        {"type": "Note"},
        {"type": ["Note", 1]},
        {"inbox": None},
        {"inbox": ""},
        {"inbox": "https://victim.example/inbox"},
        {"inbox": "http://peer.example/users/ann/inbox"},
        {"inbox": "https://peer.example:8443/inbox"},
        {"inbox": "//peer.example/inbox"},
        {"preferredUsername": None},
        {"preferredUsername": ""},
        {"preferredUsername": ["ann"]},
        {"preferredUsername": {"@value": "ann"}},
        {"preferredUsername": "ann@victim.example"},
        {"preferredUsername": "ann\u202e"},
        {"preferredUsername": "ann\u200b"},
        {"preferredUsername": "an n"},
        {"preferredUsername": "ann\n"},
        {"preferredUsername": "<script>"},
        {"preferredUsername": "../ann"},
        {"preferredUsername": "a" * 1_000_000},
        {"preferredUsername": "a" * 2_000 + "!"},
    ],
    ids=str,
)
def test_refuses(changes: Document) -> None:
    with pytest.raises(Malformed):
        parse_actor(person(**changes))


@pytest.mark.parametrize("handle", ["ann", "dbzer0.com", "a", "_x_", "A-b.c", "relay", "__system__", "Zoë"])
def test_handles_that_exist(handle: str) -> None:
    assert parse_actor(person(preferredUsername=handle)).preferred_username == handle


@pytest.mark.parametrize("key", ["outbox", "followers", "featured", "members"])
def test_collections_of_another_origin_are_left_out(key: str) -> None:
    assert getattr(parse_actor(person(**{key: f"{ANN}/{key}"})), key) == f"{ANN}/{key}"
    assert getattr(parse_actor(person(**{key: {"id": f"{ANN}/{key}", "type": "Collection"}})), key) == f"{ANN}/{key}"
    foreign: object
    for foreign in ("https://victim.example/users/vic/followers", 7, [], {}, "x"):
        assert getattr(parse_actor(person(**{key: foreign})), key) is None


@pytest.mark.parametrize(
    "endpoints", [{"sharedInbox": "https://victim.example/inbox"}, [], "x", None, {"sharedInbox": 5}]
)
def test_a_shared_inbox_elsewhere_is_left_out(endpoints: object) -> None:
    assert parse_actor(person(endpoints=endpoints)).shared_inbox is None


@pytest.mark.parametrize("shape", [KEY, [KEY], [KEY, "https://peer.example/keys/2", 5, None]])
def test_a_key_in_any_shape(shape: object) -> None:
    assert parse_actor(person(publicKey=shape)).keys == (PublicKeyEntry(id=KEY["id"], pem="PEM"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "https://victim.example/users/vic"},
        {"owner": None},
        {"owner": [ANN + "x", ANN]},
        {"id": "https://victim.example/users/vic#main-key"},
        {"id": None},
        {"id": "main-key"},
        {"publicKeyPem": None},
        {"publicKeyPem": ""},
        {"publicKeyPem": "x" * 100_000},
    ],
    ids=str,
)
def test_keys_that_are_not_the_actors_own_are_left_out(changes: Document) -> None:
    assert parse_actor(person(publicKey={**KEY, **changes})).keys == ()


def test_multikeys() -> None:
    assert parse_actor(person(assertionMethod=MULTIKEY)).keys == (PublicKeyEntry(id=f"{ANN}#k", multikey="z6Mk"),)
    many = [{**MULTIKEY, "id": f"{ANN}#{number}"} for number in range(50)]
    assert len(parse_actor(person(assertionMethod=many)).keys) == 10
    stolen = {**MULTIKEY, "controller": "https://victim.example/users/vic"}
    assert parse_actor(person(assertionMethod=[stolen, ANN, 5])).keys == ()


def test_texts_are_cleaned_and_capped() -> None:
    actor = parse_actor(
        person(name="A\u202en\x00n\n<b>" + "x" * 1_000_000, summary="<p onclick=x>hi</p><script>x</script>")
    )
    assert actor.name.startswith("Ann <b>xxx")
    assert len(actor.name) == 2_048
    assert actor.summary == "<p>hi</p>"
    assert parse_actor(person(name=5, summary=["<i>s</i>"])).summary == "<i>s</i>"
    assert parse_actor(person(nameMap={"de": "Anna"})).name == "Anna"
    assert len(parse_actor(person(summary="a" * 1_000_000)).summary) == 20_000


def test_lists_are_capped() -> None:
    aliases = [f"https://old.example/{number}" for number in range(100_000)]
    assert parse_actor(person(alsoKnownAs=aliases)).also_known_as == tuple(aliases[:256])


def test_flags_are_true_only_when_true() -> None:
    for value in (1, "true", "yes", [True], None):
        actor = parse_actor(person(manuallyApprovesFollowers=value, discoverable=value))
        assert (actor.locked, actor.discoverable) == (False, False)


def test_page() -> None:
    page = "https://peer.example/@ann"
    html, other = {"type": "Link", "href": page, "mediaType": "text/html"}, {"href": f"{ANN}.xml", "mediaType": "a/b"}
    value: object
    for value in (page, [page], html, [other, html], ["https://victim.example/", page], [5, None, {}, page]):
        assert page_of(value, ANN) == page
    for value in (
        None,
        "https://victim.example/@ann",
        "javascript:alert(1)",
        "//peer.example/@ann",
        other,
        {"href": 5},
    ):
        assert page_of(value, ANN) == ANN


def test_icon() -> None:
    icon = "https://media.peer.example/a.png"
    shapes: list[object] = [
        icon,
        {"type": "Image", "url": icon},
        [{"url": icon}, {"url": "https://x.example/b"}],
        {"url": [{"type": "Link", "href": icon}]},
        {"href": icon},
        [None, {"url": None}, icon],
    ]
    assert [media_url(shape) for shape in shapes] == [icon] * len(shapes)
    value: object
    for value in (None, 5, [], {}, {"url": "data:text/html,x"}, "javascript:alert(1)", {"url": {"url": {"url": {}}}}):
        assert media_url(value) is None


@settings(deadline=None)
@given(ANYTHING)
def test_any_json_parses_or_is_malformed(document: object) -> None:
    try:
        parse_actor(document)
    except Malformed:
        pass


@settings(deadline=None)
@given(st.data())
def test_any_change_of_a_property_parses_or_is_malformed(data: st.DataObject) -> None:
    document = changed(data, person(publicKey=KEY, assertionMethod=[MULTIKEY]))
    try:
        actor = parse_actor(document)
    except Malformed:
        return
    assert actor.inbox.startswith("http")
    assert all(key.id.partition("://")[2].partition("/")[0] == actor.id.split("/")[2] for key in actor.keys)


def test_moments_are_not_needed() -> None:
    assert parse_actor(person(published="never", updated=datetime(2026, 1, 1, tzinfo=UTC).isoformat())).id == ANN


def test_rows_of_a_profile_are_made_safe() -> None:
    row = {"type": "PropertyValue", "name": "Site\u202e\n", "value": "<a href='https://a.example/' onclick=x>a</a>"}
    broken = [{"type": "PropertyValue", "name": 1, "value": "v"}, {"type": "Link", "name": "n", "value": "v"}, "row"]
    ((name, value),) = parse_actor(person(attachment=[row, *broken])).fields
    assert name == "Site"
    assert value.startswith('<a href="https://a.example/"')
    assert "onclick" not in value
    assert len(parse_actor(person(attachment=[row] * 60)).fields) == 50
