"""Somebody who uses the client API: signed in by the whole way, with few words for each request."""

from dataclasses import dataclass
from typing import Any

import httpx

from models import LocalActor
from server.loopback import LoopbackServer
from tests.server.signing_in import person_on, token_for


@dataclass(frozen=True)
class User:
    """A person, or as whom they speak."""

    client: httpx.AsyncClient
    token: str
    actor: LocalActor

    @property
    def id(self) -> str:
        """The id of the account."""
        return self.actor.id

    async def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request to `/api/…`, whatever comes of it."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.request(method, f"/api/{path}", headers=headers, **how)

    async def get(self, path: str, **parameters: Any) -> Any:
        """What a successful GET answers."""
        return _good(await self.ask("GET", path, params=parameters))

    async def do(self, path: str, *, method: str = "POST", **body: Any) -> Any:
        """What a successful operation answers; its parameters go as JSON."""
        return _good(await self.ask(method, path, json=body))

    async def fails(self, path: str, *, method: str = "POST", **body: Any) -> tuple[int, str]:
        """The status and the one clear sentence of an operation that is refused."""
        answer = await self.ask(method, path, json=body)
        assert answer.status_code >= 400, answer.text
        assert set(answer.json()) == {"error"}
        return answer.status_code, answer.json()["error"]

    async def post(self, text: str, **more: Any) -> dict[str, Any]:
        """A new status."""
        made: dict[str, Any] = await self.do("v1/statuses", status=text, **more)
        return made

    async def texts(self, path: str, **parameters: Any) -> list[str]:
        """What the statuses of a timeline say, newest first."""
        return [text_in(status) for status in await self.get(path, **parameters)]


def text_in(status: dict[str, Any]) -> str:
    """The text of a status of one paragraph."""
    return str(status["content"]).removeprefix("<p>").removesuffix("</p>")


async def sign_in(
    live: LoopbackServer, client: httpx.AsyncClient, handle: str, *, speaker: LocalActor | None = None
) -> User:
    """Somebody new; or with `speaker`, a person that there is, who speaks as it."""
    if speaker is None:
        person = await person_on(live, handle)
        return User(client, await token_for(client, handle), person)
    return User(client, await token_for(client, handle, speaker=speaker.id), speaker)


def _good(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json()
