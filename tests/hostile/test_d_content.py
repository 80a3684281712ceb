"""What others write is read and never run, wherever it is shown, served or kept (HOSTILE D1, D2, D8)."""

from collections.abc import Sequence

import pytest

from federation.remote import known_actor
from server.organizing.posts import reactions, records
from server.organizing.posts import service as posts
from server.organizing.profiles import revise
from tests.hostile.markup import CORPUS, DISGUISES, MARK, dangers
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import CACHED, TAKEN_IN, Us
from tests.hostile.wire import Document, get

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALVES = pytest.mark.parametrize("attacks", [CORPUS[:20], CORPUS[20:]], ids=["first half", "second half"])
"""As many at a time as a page shows."""


async def page(us: Us, handle: str = "flex") -> str:
    """A profile page as a browser gets it."""
    reply = await get(f"{us.base}/@{handle}", Accept="text/html")
    assert reply.status == 200
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    return reply.body.decode()


async def show(us: Us, notes: Sequence[Document]) -> str:
    """The page of the movement, which boosts these posts and takes it back afterwards."""
    async with us.federation.writing() as context:
        for note in notes:
            await reactions.boost(context, actor=us.flex, post=note["id"])
    try:
        return await page(us)
    finally:
        async with us.federation.writing() as context:
            for note in notes:
                await reactions.unboost(context, actor=us.flex, post=note["id"])
        await us.settled()


async def check(us: Us, notes: Sequence[Document]) -> None:
    """What is kept of these posts, and what is shown of them, can do nothing and is still there."""
    for note in notes:
        async with us.federation.reading() as context:
            post = await records.find_stored(context, note["id"])
        assert post is not None
        content = post.content
        assert "marked" in content.html
        assert dangers(content.html) == []
        addresses = [content.url or "", *(each.url for each in content.attachments)]
        addresses += [each.href for each in content.mentions]
        assert all(address.startswith(note["attributedTo"].rpartition("/")[0]) for address in addresses)
    shown = await show(us, notes)
    assert shown.count("marked") >= len(notes)
    assert dangers(shown, whole_page=True) == []


def everywhere(account: Account, attack: str) -> Document:
    """A note with the same attack in every place for text."""
    tag = [
        {"type": "Mention", "href": account.id, "name": attack},
        {"type": "Hashtag", "href": f"javascript:{MARK}", "name": f"#{attack}"},
        {"type": "Emoji", "name": f":{attack}:", "icon": {"type": "Image", "url": f"javascript:{MARK}"}},
    ]
    return account.note(
        f"<p>marked</p>{attack}",
        summary=attack,
        name=attack,
        url=[f"javascript:{MARK}", {"type": "Link", "href": f"data:text/html,{MARK}", "mediaType": "text/html"}],
        attachment=[{"type": "Image", "url": f"javascript:{MARK}", "name": attack}],
        tag=tag,
        contentMap={attack: attack},
    )


@HALVES
async def test_posts(us: Us, carla: Account, attacks: Sequence[str]) -> None:
    """D1: created, and changed afterwards; kept, shown on a page and served."""
    await us.follow(carla)
    notes = [everywhere(carla, attack) for attack in attacks]
    async with us.unchanged(but=(*TAKEN_IN, "posts", "post_edits")) as watch:
        for note in notes:
            mild = {**note, "content": "<p>mild</p>", "summary": None}
            assert (await carla.send(us.inbox, carla.create(mild))).status == 202
            assert (await carla.send(us.inbox, carla.activity("Update", note))).status == 202
    assert watch.outcomes == ["done"] * 2 * len(notes)
    await check(us, notes)
    outbox = await get(f"{us.uri(us.flex, 'outbox')}?cursor=start")
    assert MARK not in outbox.body.decode()


@pytest.mark.parametrize("kind", ["Article", "Event", "Question", "Video"])
@HALVES
async def test_other_kinds_of_posts(us: Us, carla: Account, kind: str, attacks: Sequence[str]) -> None:
    """D1: titles, places, times, options and links are text, in every type that is shown as a post."""
    await us.follow(carla)
    notes = []
    for attack in attacks:
        note = everywhere(carla, attack) | {"type": kind, "startTime": f"2026-06-07T20:00:00{attack}"}
        note["location"] = {"type": "Place", "name": attack, "address": {"streetAddress": attack}}
        note["oneOf"] = [{"type": "Note", "name": attack}]
        note["attachment"] = [{"type": "Link", "href": f"javascript:{MARK}"}, {"type": "Link", "href": attack}]
        note["mediaType"] = "text/markdown" if kind == "Video" else "text/html"
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
        notes.append(note)
    await us.settled()
    await check(us, notes)


async def test_actors(us: Us, evil: PeerServer) -> None:
    """D1: names, summaries, fields, pages and pictures of actors elsewhere."""
    accounts = [evil.actor(f"m{number}", published=False) for number in range(len(CORPUS))]
    async with us.unchanged(evil, but=(*TAKEN_IN, *CACHED)):
        for mallory, attack in zip(accounts, CORPUS, strict=True):
            mallory.publish(
                name=attack,
                summary=f"marked {attack}",
                url=f"javascript:{MARK}",
                icon={"type": "Image", "url": f"javascript:{MARK}"},
                attachment=[{"type": "PropertyValue", "name": attack, "value": attack}],
            )
            assert (await mallory.send(us.inbox, mallory.activity("Dislike", us.public))).status == 202
    async with us.federation.reading() as context:
        known = [await known_actor(context, mallory.id) for mallory in accounts]
    for mallory, actor in zip(accounts, known, strict=True):
        assert actor is not None
        assert "marked" in actor.summary
        assert dangers(actor.summary) == []
        assert (actor.url, actor.icon) == (mallory.id, None)


async def test_names_that_are_no_names(us: Us, evil: PeerServer) -> None:
    """D1, D8: what is to be typed is made of letters; no markup, no blank, nothing that cannot be seen."""
    attacks = [*CORPUS, *(f"ali{each}ce" for each in DISGUISES), "a b", "a/b", "a@b", "", "a\n", "a\u2028b"]
    async with us.unchanged(evil):
        for number, attack in enumerate(attacks):
            mallory = evil.actor(f"m{number}", published=False)
            mallory.publish(preferredUsername=attack)
            assert (await mallory.send(us.inbox, mallory.activity("Dislike", us.public))).status == 401


@HALVES
async def test_our_own_words(us: Us, attacks: Sequence[str]) -> None:
    """D1: what somebody here types is text too, in posts and warnings: on both pages, and as it is served."""
    async with us.federation.writing() as context:
        made = [
            await posts.publish(
                context, author=us.flex, text=f"marked {attack}", audience="public", content_warning=attack
            )
            for attack in attacks
        ]
    shown = await page(us)
    assert shown.count("marked") >= len(attacks)
    assert dangers(shown, whole_page=True) == []
    for post in made:
        served = (await get(us.federation.origin.object(post.id))).document
        assert dangers(served["content"]) == []
        alone = await get(str(served["url"]), Accept="text/html")
        assert alone.status == 200
        assert dangers(alone.body.decode(), whole_page=True) == []
    async with us.federation.writing() as context:
        for post in made:
            await posts.delete(context, author=us.flex, post_id=post.id)


async def test_our_own_names_and_descriptions(us: Us) -> None:
    """D1: on the page and in the actor's document."""
    for attack in CORPUS:
        async with us.federation.writing() as context:
            actor = await context.session.merge(us.kim)
            await revise(context, actor=actor, name=attack[:100], summary=f"marked {attack}")
        shown = await page(us, "kim")
        assert "marked" in shown
        assert dangers(shown, whole_page=True) == []
        served = (await get(us.uri(us.kim))).document
        assert dangers(served["summary"]) == []


async def test_text_that_turns_around(us: Us, carla: Account) -> None:
    """D8: overrides and what cannot be seen go out of names, warnings, titles and tags; posts keep no override."""
    await us.follow(carla)
    text = DISGUISES.join("disguised")
    tag = [{"type": "Hashtag", "name": f"#{text}"}, {"type": "Mention", "href": carla.id, "name": f"@{text}"}]
    note = carla.note(f"<p>marked {text}</p>", summary=text, name=text, tag=tag)
    update = carla.activity("Update", carla.document(name=text, summary=f"<p>{text}</p>"))
    for activity in (carla.create(note), update):
        assert (await carla.send(us.inbox, activity)).status == 202
    await us.settled()
    overrides = set(DISGUISES[:9])
    shown = await show(us, [note])
    assert not overrides & set(shown)
    async with us.federation.reading() as context:
        post = await records.find_stored(context, note["id"])
        known = await known_actor(context, carla.id)
    assert post is not None
    assert known is not None
    lines = [post.content.summary, post.content.name, known.name, *(each.name for each in post.content.mentions)]
    assert lines == ["disguised", "disguised", "disguised", "@disguised"]
    assert not overrides & set(known.summary + post.content.html)


async def test_links_that_name_another_host(us: Us, carla: Account) -> None:
    """D2 (CVE-2023-36462): where a link leads is written behind what it pretends."""
    await us.follow(carla)
    trick = '<span class="invisible">https://evil.example/?</span><span>bank.example</span>'
    note = carla.note(f'<p>marked <a href="https://evil.example/">{trick}</a></p>')
    assert (await carla.send(us.inbox, carla.create(note))).status == 202
    await us.settled()
    assert "[evil.example]" in await show(us, [note])


async def test_redirects_of_pages(us: Us) -> None:
    """D5: no path of ours leads a browser elsewhere."""
    for path in ("//evil.example", "/\\evil.example", "/@flex//evil.example", "/%0d%0aLocation:https://evil.example"):
        reply = await get(f"{us.base}{path}", Accept="text/html")
        assert reply.status in (400, 404)
        assert "location" not in reply.headers
