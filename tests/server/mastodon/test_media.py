"""Pictures: uploaded, described, shown to whoever holds their address, and nothing of them but the pixels."""

from typing import Any

import httpx
import pytest

from server.loopback import LoopbackServer
from server.organizing.media.files import FOLDER, MediaFiles
from server.organizing.media.pictures import LARGEST, NotAPicture, Size, picture_of
from tests.pictures import MARKER, bomb, jpeg, moving_gif, opened, png
from tests.server.signing_in import person_on, token_for


async def signed_in(live: LoopbackServer, client: httpx.AsyncClient, handle: str = "robin") -> dict[str, str]:
    await person_on(live, handle)
    return {"Authorization": f"Bearer {await token_for(client, handle)}"}


async def upload(client: httpx.AsyncClient, who: dict[str, str], content: bytes, **more: str) -> httpx.Response:
    file = {"file": ("IMG_4711 Robin's desk.jpg", content, "image/jpeg")}
    return await client.post("/api/v2/media", files=file, data=more, headers=who)


async def seen(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return await client.get("/media/" + url.partition("/media/")[2])


async def test_a_picture_is_uploaded_described_and_shown(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = await signed_in(live, client), await signed_in(live, client, "kim")
    answer = await upload(client, robin, jpeg(3000, 2000), description="A chart", focus="0.5,-0.25")
    made: dict[str, Any] = answer.json()
    assert answer.status_code == 200
    assert (made["type"], made["description"]) == ("image", "A chart")
    assert made["meta"]["original"]["size"] == "2351x1567"
    assert made["meta"]["focus"] == {"x": 0.5, "y": -0.25}
    assert len(made["blurhash"]) > 5
    for url in (made["url"], made["preview_url"]):
        shown = await seen(client, url)
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["cache-control"] == "private, no-store"
        assert "sandbox" in shown.headers["content-security-policy"]
        assert MARKER.encode() not in shown.content
        assert not opened(shown.content).getexif()
        assert "icc_profile" not in opened(shown.content).info
    path = f"/api/v1/media/{made['id']}"
    changed = await client.put(path, json={"description": "Another chart"}, headers=robin)
    assert changed.json()["description"] == "Another chart"
    assert (await client.get(path, headers=robin)).json() == changed.json()
    for method in ("GET", "PUT", "DELETE"):
        assert (await client.request(method, path, headers=kim)).status_code == 404
    await client.delete(path, headers=robin)
    assert (await seen(client, made["url"])).status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", jpeg()[:300], bomb(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 5_000],
    ids=["empty", "cut", "truncated", "bomb", "svg", "zeros"],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    live: LoopbackServer, client: httpx.AsyncClient, content: bytes
) -> None:
    answer = await upload(client, await signed_in(live, client), content)
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}
    assert not list((live.assembly.settings.data_dir / FOLDER).glob("*/*"))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_films_big_files_and_no_files_are_refused(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await signed_in(live, client)
    film = await client.post("/api/v1/media", files={"file": ("a.mp4", b"x", "video/mp4")}, headers=robin)
    assert (film.status_code, "no sound or film" in film.text) == (422, True)
    assert (await upload(client, robin, b"x" * (LARGEST + 1))).status_code == 422
    assert (await client.post("/api/v2/media", data={"file": "text"}, headers=robin)).status_code == 422
    assert (await upload(client, robin, png(), description="x" * 1_501)).status_code == 422


async def test_nothing_of_a_picture_is_readable_at_rest_and_orphans_go(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    robin = await signed_in(live, client)
    made = (await upload(client, robin, png(500, 300), description=MARKER)).json()
    content = (await seen(client, made["url"])).content
    files = sorted((live.assembly.settings.data_dir / FOLDER).glob("*/*"))
    assert len(files) == 2
    for path in files:
        at_rest = path.read_bytes()
        assert content[20:60] not in at_rest
        assert b"PNG" not in at_rest[:64]
        assert path.stat().st_mode & 0o077 == 0
    store = MediaFiles(live.assembly.settings.data_dir / FOLDER)
    later = max(path.stat().st_mtime for path in files) + 4_000
    assert await store.sweep(live.assembly.federation.reading, now=lambda: later) == 0
    await client.delete(f"/api/v1/media/{made['id']}", headers=robin)
    assert await store.sweep(live.assembly.federation.reading, now=lambda: later) == 2


def test_pictures_are_upright_and_keep_what_is_seen() -> None:
    assert picture_of(jpeg(60, 40, rotated=True)).size == Size(40, 60)
    assert picture_of(png(transparent=True)).media_type == "image/png"
    assert picture_of(png()).media_type == "image/jpeg"
    first = opened(picture_of(moving_gif()).original)
    assert getattr(first, "n_frames", 1) == 1
    assert picture_of(jpeg(900, 300), shape=Size(400, 400)).size == Size(400, 400)
    with pytest.raises(NotAPicture):
        picture_of(b"")


async def test_pictures_hang_on_posts_and_on_profiles(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = await signed_in(live, client), await signed_in(live, client, "kim")
    made = (await upload(client, robin, png(300, 200), description="Hours by team")).json()
    theirs = (await upload(client, kim, png())).json()["id"]
    for wrong in ([theirs], [made["id"]] * 2, ["aaaaaaaaaaaaaaaaaaaaaaaaaa"], [made["id"]] * 5):
        refused = await client.post("/api/v1/statuses", json={"status": "x", "media_ids": wrong}, headers=robin)
        assert refused.status_code == 422
    said = {"status": "", "media_ids": [made["id"]], "visibility": "private"}
    posted = (await client.post("/api/v1/statuses", json=said, headers=robin)).json()
    assert [(each["id"], each["description"]) for each in posted["media_attachments"]] == [
        (made["id"], "Hours by team")
    ]
    assert (await seen(client, made["url"])).headers["cache-control"] == "private, no-store"
    again = await client.post("/api/v1/statuses", json=said, headers=robin)
    assert again.status_code == 422
    assert (await client.delete(f"/api/v1/media/{made['id']}", headers=robin)).status_code == 422
    await client.delete(f"/api/v1/statuses/{posted['id']}", headers=robin)
    assert (await seen(client, made["url"])).status_code == 404
    worn = await client.patch(
        "/api/v1/accounts/update_credentials", files={"avatar": ("me.png", jpeg(500, 300), "image/png")}, headers=robin
    )
    avatar = worn.json()["avatar"]
    assert opened((await seen(client, avatar)).content).size == (400, 400)
    document = await client.get(worn.json()["uri"].partition(live.domain)[2])
    assert document.json()["icon"]["url"] == avatar
    assert (
        (await client.delete("/api/v1/profile/avatar", headers=robin)).json()["avatar"].endswith("/static/avatar.png")
    )
    assert (await seen(client, avatar)).status_code == 404
    assert (await client.get("/static/avatar.png")).headers["content-type"] == "image/png"
