"""One's own account: what it says, and how it posts unless one says otherwise."""

import httpx
import pytest

from server.loopback import LoopbackServer
from tests.builders import know, make_movement, make_remote_actor, sent
from tests.posting import let_follow
from tests.server.mastodon.signed_in import sign_in


async def test_a_profile_is_changed_and_told_to_followers(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await sign_in(live, client, "robin")
    async with live.assembly.federation.writing() as context:
        fan = await know(context, make_remote_actor("fan"))
        await let_follow(context, fan, robin.actor)
    rows = [{"name": "Site", "value": "see https://robin.example/me."}, {"name": "", "value": ""}]
    changed = await robin.do(
        "v1/accounts/update_credentials",
        method="PATCH",
        display_name=" Robin ",
        note="Birds.\n\nAnd <b>trees</b>",
        locked=True,
        bot=True,
        discoverable=True,
        fields_attributes=rows,
        source={"privacy": "unlisted", "sensitive": True, "language": "de"},
    )
    assert (changed["display_name"], changed["locked"], changed["bot"]) == ("Robin", True, False)
    assert changed["note"] == "<p>Birds.</p><p>And &lt;b&gt;trees&lt;/b&gt;</p>"
    (row,) = changed["fields"]
    assert row["value"].startswith('see <a href="https://robin.example/me" rel="me nofollow')
    source = changed["source"]
    assert source["fields"] == [{"name": "Site", "value": "see https://robin.example/me.", "verified_at": None}]
    assert (source["note"], source["privacy"]) == ("Birds.\n\nAnd <b>trees</b>", "unlisted")
    assert (source["sensitive"], source["language"], source["discoverable"]) == (True, "de", True)
    assert await robin.get("v1/accounts/verify_credentials") == changed
    preferences = await robin.get("v1/preferences")
    assert preferences["posting:default:visibility"] == "unlisted"
    assert preferences["reading:expand:media"] == "default"
    assert (await robin.post("as chosen"))["visibility"] == "unlisted"
    async with live.assembly.federation.reading() as context:
        (told,) = [one.activity for one in await sent(context) if one.activity["type"] == "Update"]
    attachment = {"type": "PropertyValue", "name": "Site", "value": row["value"]}
    assert told["object"]["attachment"] == [attachment]


@pytest.mark.parametrize("form", ["data", "files"])
async def test_forms_change_what_they_name_and_nothing_else(
    live: LoopbackServer, client: httpx.AsyncClient, form: str
) -> None:
    robin = await sign_in(live, client, "robin")
    before = await robin.do("v1/accounts/update_credentials", method="PATCH", note="stays")
    fields = {
        "display_name": "R",
        "fields_attributes[0][name]": "a",
        "fields_attributes[0][value]": "1",
        "fields_attributes[1][name]": "b",
        "fields_attributes[1][value]": "2",
        "source[privacy]": "private",
    }
    body = fields if form == "data" else {name: (None, value) for name, value in fields.items()}
    answer = await robin.ask("PATCH", "v1/accounts/update_credentials", **{form: body})
    changed = answer.json()
    assert [row["name"] for row in changed["fields"]] == ["a", "b"]
    assert changed["note"] == before["note"] == "<p>stays</p>"
    assert changed["source"]["privacy"] == "private"
    for bad in (
        {"display_name": "x" * 101},
        {"fields_attributes": [{"name": "", "value": "nameless"}]},
        {"fields_attributes": [{"name": "n", "value": "v"}] * 9},
        {"fields_attributes": [{"name": "n", "value": "v" * 256}]},
        {"fields_attributes": "none"},
        {"display_name": "not kept", "source": {"privacy": "everybody"}},
        {"display_name": "not kept", "source": {"language": "x" * 36}},
        {"locked": "maybe"},
    ):
        assert (await robin.fails("v1/accounts/update_credentials", method="PATCH", **bad))[0] == 422, bad
    assert await robin.get("v1/accounts/verify_credentials") == changed


async def test_movements_and_circles_stay_what_they_are(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await sign_in(live, client, "robin")
    async with live.assembly.federation.writing() as context:
        made = await make_movement(context, organizer=robin.actor)
    movement = await sign_in(live, client, "robin", speaker=made.actor)
    circle = await sign_in(live, client, "robin", speaker=made.circle)
    assert (await movement.get("v1/accounts/verify_credentials"))["source"]["privacy"] == "public"
    changed = await movement.do("v1/accounts/update_credentials", method="PATCH", note="More of it", locked=False)
    assert (changed["note"], changed["group"]) == ("<p>More of it</p>", True)
    path = "v1/accounts/update_credentials"
    assert (await movement.fails(path, method="PATCH", locked=True))[0] == 422
    assert (await movement.fails(path, method="PATCH", discoverable=True))[0] == 422
    assert (await circle.fails(path, method="PATCH", locked=False))[0] == 422
    assert (await circle.do(path, method="PATCH", display_name="Tea"))["display_name"] == "Tea"
