"""What leaves this server, to the letter. A changed file here is a changed wire: peers will notice."""

import json

import pytest

from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC, parse_activity
from federation.vocabulary.actors import parse_actor
from federation.vocabulary.contexts import ACTIVITYSTREAMS, CONTEXT, in_context, without_context
from federation.vocabulary.documents import load_json
from federation.vocabulary.objects import parse_note
from tests.federation.vocabulary import ours
from tests.federation.vocabulary.golden import inbound, outbound, outbound_names

DOCUMENTS = ours.everything()


def test_every_document_has_a_file() -> None:
    assert outbound_names() == sorted(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document(name: str) -> None:
    document = DOCUMENTS[name]
    assert next(iter(document)) == "@context"
    assert document["@context"] == outbound("context")["@context"]
    if name != "context":
        assert without_context(document) == outbound(name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_our_own_strict_reader_takes_it(name: str) -> None:
    assert load_json(json.dumps(DOCUMENTS[name]).encode()) == DOCUMENTS[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_embedded_brings_our_context_again(name: str) -> None:
    copies = json.dumps(DOCUMENTS[name]).count('manuallyApprovesFollowers": "as:')
    assert copies == 1


@pytest.mark.parametrize("name", ours.activities())
def test_activities_read_back(name: str) -> None:
    activity = parse_activity(DOCUMENTS[name])
    assert (activity.id, activity.actor) == (ours.ACTIVITY, ours.GROUP)
    assert list(activity.to) == DOCUMENTS[name]["to"]


@pytest.mark.parametrize("name", ours.actors())
def test_actors_read_back(name: str) -> None:
    document = DOCUMENTS[name]
    actor = parse_actor(document)
    assert actor.keys[0].id == f"{actor.id}#main-key"
    assert actor.shared_inbox == "https://ours.example/ap/inbox"
    assert actor.members == (f"{actor.id}/members" if actor.type == "Group" else None)
    assert actor.attributed_to == (f"{actor.id}/moderators" if actor.type == "Group" else None)


def test_note_reads_back() -> None:
    note = parse_note(DOCUMENTS["note"])
    assert (note.summary, note.language, note.audience_kind(None)) == ("Housing", "en", "public")
    assert (note.hashtags, note.mentions[0].href) == (("rent",), ours.ANN)
    assert note.attachments[0].description == "A door"


def test_the_context_names_activitystreams_as_a_string() -> None:
    assert CONTEXT[0] == ACTIVITYSTREAMS


def test_a_context_cannot_be_changed_through_a_document() -> None:
    in_context({})["@context"].append("x")
    assert in_context({})["@context"] == outbound("context")["@context"]


def test_create_and_its_note_have_one_audience() -> None:
    create = DOCUMENTS["create"]
    for key in ("to", "cc", "audience"):
        assert create[key] == create["object"][key]


def test_an_announced_activity_is_passed_on_as_received() -> None:
    assert DOCUMENTS["announce-activity"]["object"] == inbound("fedify/create-note")


def test_pseudonymous_people_have_no_date() -> None:
    person = DOCUMENTS["person"]
    assert not {"published", "updated"} & person.keys()
    assert (person["discoverable"], person["indexable"]) == (False, False)


REQUIRED: dict[str, tuple[str, ...]] = {
    "Lemmy": ("type", "id", "preferredUsername", "inbox", "outbox", "publicKey"),
    "Mastodon": ("id", "type", "preferredUsername", "inbox", "followers", "url"),
    "Mobilizon": ("endpoints", "openness", "members", "resources", "discussions", "events", "posts", "todos"),
    "PieFed": ("followers", "featured", "moderators", "attributedTo", "postingRestrictedToMods"),
}


@pytest.mark.parametrize("peer", REQUIRED)
def test_one_group_document_has_what_each_peer_requires(peer: str) -> None:
    for name in ("movement", "circle"):
        group: Document = DOCUMENTS[name]
        assert [key for key in REQUIRED[peer] if group.get(key) is None] == []
        assert isinstance(group["publicKey"], dict)
        assert isinstance(group["endpoints"], dict)


def test_a_page_says_nothing_of_replies() -> None:
    assert "inReplyTo" not in DOCUMENTS["page"]
    assert DOCUMENTS["note-direct"]["inReplyTo"] is None
    assert PUBLIC not in DOCUMENTS["note-direct"]["to"]
