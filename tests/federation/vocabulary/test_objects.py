"""Posts: an author of the same origin, text made safe, everything counted capped."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.attachments import Attachment, parse_attachments
from federation.vocabulary.documents import Malformed
from federation.vocabulary.objects import KINDS, Note, parse_note
from tests.federation.vocabulary.anything import ANYTHING, changed

ANN = "https://peer.example/users/ann"
VICTIM = "https://victim.example/users/vic"
NOTE = "https://peer.example/notes/1"


def note(**changes: object) -> Document:
    return {"id": NOTE, "type": "Note", "attributedTo": ANN, "content": "<p>hi</p>", **changes}


@pytest.mark.parametrize(
    "author",
    [
        ANN,
        {"id": ANN},
        [ANN],
        [{"type": "Group", "id": "https://peer.example/c/x"}, {"type": "Person", "id": ANN}],
        [ANN, "https://peer.example/c/x"],
    ],
)
def test_one_author_in_any_shape(author: object) -> None:
    assert parse_note(note(attributedTo=author)).attributed_to == ANN


@pytest.mark.parametrize(
    "author",
    [
        None,
        [],
        1,
        "1",
        VICTIM,
        [VICTIM, ANN],
        [ANN, VICTIM],
        [ANN, 1],
        [{"type": "Person", "id": ANN}, {"type": "Group", "id": VICTIM}],
        {"id": 1},
        {},
        "http://peer.example/users/ann",
        "https://peer.example:444/users/ann",
    ],
    ids=str,
)
def test_refuses_authors_of_another_origin(author: object) -> None:
    with pytest.raises(Malformed):
        parse_note(note(attributedTo=author))


def test_actor_stands_in_for_a_missing_author() -> None:
    assert parse_note(note(attributedTo=None, actor=ANN)).attributed_to == ANN
    with pytest.raises(Malformed):
        parse_note(note(attributedTo=None, actor=VICTIM))


@pytest.mark.parametrize(
    "changes", [{"id": None}, {"id": "x"}, {"type": None}, {"type": "Person"}, {"type": "Tombstone"}]
)
def test_refuses(changes: Document) -> None:
    with pytest.raises(Malformed):
        parse_note(note(**changes))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kinds(kind: str) -> None:
    parsed = parse_note(note(type=kind, name="Title", summary="<b>short</b>"))
    is_message = kind in ("Note", "Question", "ChatMessage")
    assert parsed.summary == ("short" if is_message else None)
    assert parsed.content.startswith("<p>hi</p>" if is_message else "<p><strong>Title</strong></p><p>hi</p>")


def test_audience_falls_back_to_the_activity_only_where_the_object_says_nothing() -> None:
    assert parse_note(note(), to=[PUBLIC], cc=[ANN]).audience_kind(None) == "public"
    assert parse_note(note(to=[ANN]), to=[PUBLIC]).to == (ANN,)
    assert parse_note(note(cc=[ANN]), to=[PUBLIC]).audience_kind(None) == "direct"


def test_audience_kind() -> None:
    followers = f"{ANN}/followers"

    def kind(to: tuple[str, ...], cc: tuple[str, ...] = ()) -> str:
        return Note(id=NOTE, type="Note", attributed_to=ANN, to=to, cc=cc).audience_kind(followers)

    assert kind((PUBLIC,), (followers,)) == "public"
    assert kind((followers,), (PUBLIC,)) == "unlisted"
    assert kind((followers,)) == kind((ANN,), (followers,)) == "followers"
    assert kind((ANN,)) == kind(()) == kind((f"{VICTIM}/followers",)) == "direct"


def test_text_is_sanitised_everywhere() -> None:
    attack = "<img src=x onerror=alert(1)><script>alert(1)</script><a href='javascript:alert(1)'>x</a>"
    question = {"oneOf": [{"name": attack}]}
    for kind in sorted(KINDS):
        changes = {"name": attack, "summary": attack, "content": attack, "location": {"name": attack}, **question}
        parsed = parse_note(note(type=kind, startTime="2026-06-07T20:51:35Z<script>", **changes))
        for text in ("<script", "<img", 'href="javascript', "onerror=alert(1)>"):
            assert text not in parsed.content


def test_votes() -> None:
    vote: Document = {"name": "Yes", "inReplyTo": "https://ours.example/q", "content": None}
    assert parse_note(note(**vote)).is_vote
    assert parse_note(note(**{**vote, "content": "Yes"})).is_vote is False
    assert parse_note(note(**vote, contentMap={"en": "Yes"})).is_vote is False
    assert parse_note(note(**{**vote, "inReplyTo": None})).is_vote is False
    assert parse_note(note(**{**vote, "type": "Article"})).is_vote is False


def test_content_in_a_language() -> None:
    assert parse_note(note(contentMap={"de": "x", "en": "<p>hi</p>"})).language == "en"
    parsed = parse_note(note(content=None, contentMap={"pt-BR": "<p>oi</p>"}))
    assert (parsed.content, parsed.language) == ("<p>oi</p>", "pt-BR")
    nonsense: object
    for nonsense in ({"und": "<p>hi</p>"}, {"<script>": "<p>hi</p>"}, [], 5, {"e" * 100: "x"}):
        assert parse_note(note(contentMap=nonsense)).language is None
    assert parse_note(note(language={"identifier": "fr"})).language == "fr"


def test_plain_text_content_is_shown_as_written() -> None:
    parsed = parse_note(note(content="a <b>\n\n<script>", mediaType="text/plain"))
    assert parsed.content == "<p>a &lt;b&gt;</p><p>&lt;script&gt;</p>"


def test_tags() -> None:
    mention = {"type": "Mention", "href": ANN, "name": "@ann@peer.example"}
    assert parse_note(note(tag=mention)).mentions[0].href == ANN
    tags: list[object] = [
        mention,
        mention,
        {"type": ["Mention"], "href": VICTIM},
        {"type": "Mention", "href": "x"},
        5,
        [],
    ]
    tags += [{"type": "Hashtag", "name": name} for name in ("#Rent", "rent", "#a b", "#<b>", "", None, "#" + "x" * 200)]
    parsed = parse_note(note(tag=tags))
    assert [(person.href, person.name) for person in parsed.mentions] == [(ANN, "@ann@peer.example"), (VICTIM, "")]
    assert parsed.hashtags == ("Rent",)


def test_everything_counted_is_capped() -> None:
    parsed = parse_note(
        note(
            type="Question",
            tag=[{"type": "Mention", "href": f"{ANN}{number}"} for number in range(500)]
            + [{"type": "Hashtag", "name": f"#t{number}"} for number in range(100_000)],
            attachment=[{"type": "Image", "url": f"https://m.example/{number}"} for number in range(500)],
            oneOf=[{"name": f"option {number}"} for number in range(100_000)],
            to=[f"{ANN}{number}" for number in range(5_000)],
            name="n" * 1_000_000,
            summary="s" * 1_000_000,
            content="c" * 1_000_000,
        )
    )
    assert (len(parsed.mentions), len(parsed.hashtags), len(parsed.attachments)) == (50, 64, 16)
    assert (len(parsed.poll.options if parsed.poll else ()), len(parsed.to), len(parsed.name or "")) == (20, 1_000, 500)
    assert len(parsed.summary or "") <= 5_000
    assert len(parsed.content) < 520_000


def test_attachments() -> None:
    picture = {
        "type": "Document",
        "mediaType": "image/webp",
        "url": "https://m.example/1",
        "name": "alt\u202e",
        "width": 3,
    }
    (parsed,) = parse_attachments({"attachment": picture})
    assert parsed == Attachment(url="https://m.example/1", media_type="image/webp", description="alt", width=3)
    odd: list[object] = [
        {"type": "Image", "url": [{"href": "https://m.example/2", "mediaType": "image/png"}]},
        {"type": "Document", "url": "https://m.example/3", "mediaType": "text/html; x", "height": True, "width": -1},
        {"type": "Image", "url": "javascript:alert(1)"},
        {"type": "Link", "href": "https://page.example/"},
        {"type": "Image", "url": "https://m.example/4", "blurhash": "<script>" * 3, "height": 10**9},
        {"type": "PropertyValue", "name": "x"},
        "https://m.example/5",
    ]
    assert [(item.url, item.media_type) for item in parse_attachments({"attachment": odd})] == [
        ("https://m.example/2", "image/*"),
        ("https://m.example/3", "application/octet-stream"),
        ("https://m.example/4", "image/*"),
    ]
    assert {(item.width, item.height, item.blurhash) for item in parse_attachments({"attachment": odd})} == {
        (None, None, None)
    }


def test_event_places_in_any_shape() -> None:
    location: object
    for location in (
        "Hall",
        {"name": "Hall"},
        {"address": "Hall"},
        [{"name": None, "address": {"streetAddress": "Hall"}}],
    ):
        parsed = parse_note(note(type="Event", startTime="2026-06-07T20:51:35+02:00", location=location))
        assert "<p>2026-06-07 20:51 · Hall</p>" in parsed.content
    for location in (None, 5, [], {}, "https://peer.example/place", {"name": 5, "address": [1]}):
        assert " · " not in parse_note(note(type="Event", startTime="soon", location=location)).content


@settings(deadline=None)
@given(ANYTHING)
def test_any_json_parses_or_is_malformed(document: object) -> None:
    try:
        parse_note(document)
    except Malformed:
        pass


@settings(deadline=None)
@given(st.data())
def test_any_change_of_a_property_parses_or_is_malformed(data: st.DataObject) -> None:
    try:
        parsed = parse_note(changed(data, note(type=data.draw(st.sampled_from(sorted(KINDS))))))
    except Malformed:
        return
    assert parsed.attributed_to.split("/")[2] == parsed.id.split("/")[2]
