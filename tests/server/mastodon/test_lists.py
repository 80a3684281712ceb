"""Lists: made, filled with those who are followed, read by themselves."""

import httpx

from server.loopback import LoopbackServer
from tests.server.mastodon.signed_in import sign_in


async def test_a_list_is_made_filled_and_read(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim, lou = [await sign_in(live, client, handle) for handle in ("robin", "kim", "lou")]
    made = await robin.do("v1/lists", title=" Site ", replies_policy="none")
    path = f"v1/lists/{made['id']}"
    assert made == {"id": made["id"], "title": "Site", "replies_policy": "none", "exclusive": False}
    assert await robin.fails(f"{path}/accounts", account_ids=[kim.id]) == (404, "Record not found"), "not followed"
    for followed in (kim, lou):
        await robin.do(f"v1/accounts/{followed.id}/follow")
    assert (await robin.fails(f"{path}/accounts", account_ids=[kim.id, "unknown"]))[0] == 404
    assert await robin.get(f"{path}/accounts") == [], "all or none"
    await robin.do(f"{path}/accounts", account_ids=[lou.id, kim.id])
    for limit in (0, 40):
        assert [account["id"] for account in await robin.get(f"{path}/accounts", limit=limit)] == [kim.id, lou.id]
    await robin.do(f"{path}/accounts", method="DELETE", account_ids=[lou.id])
    assert [account["id"] for account in await robin.get(f"{path}/accounts")] == [kim.id]
    assert await robin.get(f"v1/accounts/{kim.id}/lists") == [made]

    root = await kim.post("by kim")
    other = await lou.post("by lou")
    await kim.post("to lou", in_reply_to_id=other["id"])
    mine = await robin.post("by robin")
    await kim.post("to robin", in_reply_to_id=mine["id"])
    await kim.post("to self", in_reply_to_id=root["id"])
    await kim.do(f"v1/statuses/{other['id']}/reblog")
    timeline = f"v1/timelines/list/{made['id']}"
    assert await robin.texts(timeline) == ["by lou", "to self", "to robin", "by kim"]
    await robin.do(path, method="PUT", replies_policy="list")
    assert "to lou" not in await robin.texts(timeline)
    await robin.do(path, method="PUT", replies_policy="followed")
    assert "to lou" in await robin.texts(timeline)
    assert await robin.texts(timeline, limit=1) == ["by lou"]

    assert "by kim" in await robin.texts("v1/timelines/home")
    changed = await robin.do(path, method="PUT", exclusive=True, title="Ours")
    assert (changed["exclusive"], changed["title"]) == (True, "Ours")
    home = await robin.texts("v1/timelines/home")
    assert ("by kim" in home, "by lou" in home) == (False, True)
    assert "by kim" in await robin.texts(timeline)


async def test_a_list_is_its_owners_alone(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = [await sign_in(live, client, handle) for handle in ("robin", "kim")]
    await robin.do(f"v1/accounts/{kim.id}/follow")
    path = f"v1/lists/{(await robin.do('v1/lists', title='Site'))['id']}"
    timeline = path.replace("lists", "timelines/list")
    for answer in (
        await kim.fails(path, method="GET"),
        await kim.fails(path, method="PUT", title="mine"),
        await kim.fails(path, method="DELETE"),
        await kim.fails(f"{path}/accounts", account_ids=[robin.id]),
        await kim.fails(timeline, method="GET"),
    ):
        assert answer == (404, "Record not found")
    for bad in ({"title": " "}, {"title": "x" * 201}, {"title": "t", "replies_policy": "all"}):
        assert (await robin.fails("v1/lists", **bad))[0] == 422, bad
    await robin.do(f"{path}/accounts", account_ids=[kim.id])
    await robin.do(f"v1/accounts/{kim.id}/unfollow")
    assert await robin.get(f"{path}/accounts") == []
    await robin.do(f"v1/accounts/{kim.id}/follow")
    await robin.do(f"{path}/accounts", account_ids=[kim.id])
    gone = await robin.ask("DELETE", f"{path}/accounts", params={"account_ids[]": [kim.id]})
    assert (gone.status_code, await robin.get(f"{path}/accounts")) == (200, [])
    await robin.do(path, method="DELETE")
    assert await robin.get("v1/lists") == []
