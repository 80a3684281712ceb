"""Runs an ActivityPub server built on Fedify beside a test and lets the test direct it. Never reaches past loopback."""

import asyncio
import fcntl
import json
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import httpx

PROJECT = Path(__file__).parent / "fedify"
MINIMUM_NODE = 20
INSTALL_SECONDS = 300
START_SECONDS = 60
CONTROL_SECONDS = 60

Json = dict[str, Any]
SignatureForm = Literal["rfc9421", "draft-cavage-http-signatures-12"]
Audience = Literal["public", "followers", "direct"] | Sequence[str]


class PeerUnavailable(RuntimeError):
    """Node or the peer's packages are missing and could not be had."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request the peer made. `form` is the signature it carried; `status` is None when no answer came."""

    method: str
    url: str
    form: SignatureForm | None
    status: int | None
    error: str | None


class PeerError(RuntimeError):
    """The peer could not do what was asked: Fedify refused a document, or a server refused or did not answer."""

    def __init__(self, message: str, attempts: tuple[Attempt, ...], log: tuple[str, ...]) -> None:
        """Keep the requests made on the way and Fedify's own reasons, which are part of the message too."""
        super().__init__("\n  ".join([message, *map(str, attempts), *log]))
        self.attempts = attempts
        self.log = log


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An activity that every addressed inbox answered 2xx, and the requests it took, refused first knocks included."""

    activity: Json
    activity_id: str
    object_id: str
    attempts: tuple[Attempt, ...]

    @property
    def posts(self) -> tuple[Attempt, ...]:
        """The requests to inboxes among the attempts, in order."""
        return tuple(attempt for attempt in self.attempts if attempt.method == "POST")


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One request the peer answered.

    `form` is the HTTP signature it carried. For an inbox request `http_signature` ("valid", "invalid", "absent") is
    Fedify's verdict on it, and `verified_by` ("http", "proof", "ld", None) is what made Fedify believe the activity:
    Fedify does not look at the HTTP signature when an FEP-8b32 proof or LD signature of the actor verified.
    `reason` is Fedify's answer to a refusal; `log` is what it logged about signatures and errors.
    `callbacks` are the requests it made before it answered. The rest is set for a verified activity only:
    `resolved` is what Fedify found as object of a Create, Update or Announce ({"type", "id"} or {"error"}).
    """

    seq: int
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    form: SignatureForm | None
    status: int
    reason: str | None
    log: tuple[str, ...]
    callbacks: tuple[Attempt, ...]
    http_signature: str | None = None
    verified_by: str | None = None
    key_id: str | None = None
    body: Json = field(default_factory=dict)
    type: str | None = None
    id: str | None = None
    actor: str | None = None
    resolved: Json | None = None

    @property
    def object(self) -> Any:
        """The activity's object as it came: a URI or embedded JSON."""
        return self.body.get("object")


def require_node() -> str | None:
    """Return why the peer cannot run here, to skip with, or None. Installs its packages if need be.

    Raises PeerUnavailable instead of returning a reason when the environment says CI=true.
    """
    try:
        _check_node()
        ensure_installed()
    except PeerUnavailable as unavailable:
        if os.environ.get("CI", "").lower() == "true":
            raise
        return str(unavailable)
    return None


def _check_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise PeerUnavailable("node and npm are not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < MINIMUM_NODE:
        raise PeerUnavailable(f"node {MINIMUM_NODE} or later is needed, this is {version.strip()}")


def ensure_installed() -> None:
    """Install exactly what the lock file names, unless it is there. Several test runs at once install once.

    Raises PeerUnavailable when npm fails or takes longer than INSTALL_SECONDS.
    """
    with (PROJECT / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed() == _packages(PROJECT / "package-lock.json"):
            return
        try:
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.CalledProcessError as failure:
            raise PeerUnavailable(f"npm ci failed: {failure.stderr.strip()}") from failure
        except subprocess.TimeoutExpired as failure:
            raise PeerUnavailable(f"npm ci took longer than {INSTALL_SECONDS} s") from failure


def _installed() -> dict[str, str]:
    # npm writes this list last, so it vouches for the whole of node_modules.
    listing = PROJECT / "node_modules" / ".package-lock.json"
    return _packages(listing) if listing.exists() else {}


def _packages(listing: Path) -> dict[str, str]:
    packages = json.loads(listing.read_text())["packages"]
    return {path: entry["integrity"] for path, entry in packages.items() if path != ""}


class FedifyPeer:
    """A running peer with one Person, alice. Make it with `FedifyPeer.start`.

    Methods that send return once every inbox has answered 2xx and raise PeerError otherwise.
    Objects and actors are named by URI; an actor also by handle, @name@host:port.
    """

    def __init__(self, *, origin: str, actor: str, control: httpx.AsyncClient) -> None:
        """Wrap a peer whose addresses are known. `control` is a client of its control interface."""
        self.origin = origin
        self.actor = actor
        self.handle = f"@alice@{origin.removeprefix('http://')}"
        self._control = control
        self._last_seen: dict[str, int] = {}

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, first_knock: SignatureForm = "rfc9421", host: str = "fedify.localhost", port: int = 0
    ) -> AsyncIterator[Self]:
        """Start a peer at http://`host`:`port` on 127.0.0.1 (port 0: a free one) and end it on exit.

        `host` is 127.0.0.1 or a name under localhost, which the caller's own server must resolve to loopback.
        `first_knock` is the signature form the peer tries first; Fedify tries the other one on any answer >= 400.
        Raises PeerUnavailable when the peer does not come up within START_SECONDS.
        """
        arguments = ["--host", host, "--port", str(port), "--first-knock", first_knock]
        process = await asyncio.create_subprocess_exec(
            "node",
            "peer.mjs",
            *arguments,
            cwd=PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        complaints: deque[str] = deque(maxlen=40)
        listening = asyncio.create_task(_collect(process, complaints))
        try:
            ready = await _ready(process, complaints)
            async with httpx.AsyncClient(base_url=ready["control"], timeout=CONTROL_SECONDS) as control:
                yield cls(origin=ready["origin"], actor=ready["actor"], control=control)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await listening

    async def follow(self, actor: str) -> Sent:
        """Look the actor up (WebFinger for a handle, signed GET) and send it a Follow."""
        return await self._act("follow", actor=actor)

    async def unfollow(self, actor: str) -> Sent:
        """Send Undo of the Follow."""
        return await self._act("unfollow", actor=actor)

    async def like(self, object_id: str) -> Sent:
        """Fetch the object and send its author a Like."""
        return await self._act("like", object=object_id)

    async def announce(self, object_id: str) -> Sent:
        """Fetch the object and send a public Announce to its author and to alice's followers."""
        return await self._act("announce", object=object_id)

    async def post(self, content: str, *, audience: Audience = "public", mention: Sequence[str] = ()) -> Sent:
        """Send Create of a Note with this HTML to those mentioned and, if public or for followers, to her followers.

        `audience` may be a list of URIs to put in `to` as they are; it then goes to those mentioned only.
        """
        return await self._act("post", content=content, audience=audience, mention=mention)

    async def reply(
        self, object_id: str, content: str, *, audience: Audience = "public", mention: Sequence[str] = ()
    ) -> Sent:
        """Fetch the object, then post in reply to it with a Mention of its author. See `post`."""
        return await self._act("reply", object=object_id, content=content, audience=audience, mention=mention)

    async def edit(self, object_id: str, content: str) -> Sent:
        """Send Update of one of alice's notes to whoever got it."""
        return await self._act("edit", object=object_id, content=content)

    async def delete(self, object_id: str) -> Sent:
        """Send Delete of one of alice's notes, with a Tombstone, to whoever got it."""
        return await self._act("delete", object=object_id)

    async def fetch(self, url: str) -> Json:
        """Return the document at the URL as Fedify's document loader gets it, signed by alice. Raises PeerError."""
        document: Json = (await self._call("GET", "/fetch", params={"url": url}))["document"]
        return document

    async def lookup(self, handle: str) -> Json:
        """Return the object at a handle or URI as Fedify understood it. Raises PeerError when it refuses it."""
        found: Json = (await self._call("GET", "/lookup", params={"handle": handle}))["object"]
        return found

    async def wait_for(self, type_: str, *, seconds: float = 10) -> Inbound:
        """Return the next verified activity of this type that no earlier call returned, waiting for it if need be.

        Raises TimeoutError, which says what the peer refused in the meantime, when none arrives.
        """
        params = {"wait": type_, "after": str(self._last_seen.get(type_, 0)), "timeout": str(seconds)}
        response = await self._control.get("/received", params=params, timeout=seconds + CONTROL_SECONDS)
        if response.status_code == httpx.codes.REQUEST_TIMEOUT:
            refused = [(entry.status, entry.reason, entry.log) for entry in await self.rejected()]
            raise TimeoutError(f"no {type_} arrived in {seconds} s; refused: {refused}")
        entry = _inbound(_answer(response)["entry"])
        self._last_seen[type_] = entry.seq
        return entry

    async def received(self) -> list[Inbound]:
        """Return all activities Fedify verified, oldest first. A repeated id is listed once."""
        return await self._entries("/received")

    async def rejected(self) -> list[Inbound]:
        """Return the inbox requests answered with 400 or more; 401 is Fedify's signature verifier."""
        return await self._entries("/rejected")

    async def requests(self) -> list[Inbound]:
        """Return everything the peer was asked, GETs included, oldest first."""
        return await self._entries("/requests")

    async def followers(self) -> list[str]:
        """Return the ids of the actors that follow alice now."""
        followers: list[str] = (await self._call("GET", "/state"))["followers"]
        return followers

    async def following(self) -> dict[str, str]:
        """Return whom alice asked to follow, each "asked", "accepted" or "rejected"."""
        following: dict[str, str] = (await self._call("GET", "/state"))["following"]
        return following

    async def answers(self) -> list[tuple[str | None, tuple[Attempt, ...]]]:
        """Return, for each Accept alice sent by herself, the error if it failed, and the requests it took."""
        answers = (await self._call("GET", "/state"))["answers"]
        return [(answer["error"], _attempts(answer["attempts"])) for answer in answers]

    async def set_first_knock(self, form: SignatureForm) -> None:
        """Try this signature form first from now on, and forget what each server accepted and every cached document."""
        await self._call("POST", "/first-knock", json={"spec": form})

    async def _act(self, action: str, **body: object) -> Sent:
        answer = await self._call("POST", f"/{action}", json=body)
        return Sent(
            activity=answer["activity"],
            activity_id=answer["activityId"],
            object_id=answer["objectId"],
            attempts=_attempts(answer["attempts"]),
        )

    async def _entries(self, path: str) -> list[Inbound]:
        return [_inbound(entry) for entry in (await self._call("GET", path))["entries"]]

    async def _call(self, method: str, path: str, **request: Any) -> Json:
        return _answer(await self._control.request(method, path, **request))


async def _ready(process: asyncio.subprocess.Process, complaints: deque[str]) -> Json:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError as late:
        raise PeerUnavailable(f"the peer did not start within {START_SECONDS} s") from late
    if not line:
        await process.wait()
        raise PeerUnavailable("the peer did not start: " + "".join(complaints))
    ready: Json = json.loads(line)
    return ready


async def _collect(process: asyncio.subprocess.Process, complaints: deque[str]) -> None:
    # Reading on keeps the pipe from filling up.
    assert process.stderr is not None
    async for line in process.stderr:
        complaints.append(line.decode(errors="replace"))


def _answer(response: httpx.Response) -> Json:
    answer: Json = response.json()
    if response.is_error:
        raise PeerError(answer["error"], _attempts(answer["attempts"]), tuple(answer["log"]))
    return answer


def _attempts(attempts: list[Json]) -> tuple[Attempt, ...]:
    return tuple(Attempt(**attempt) for attempt in attempts)


def _inbound(entry: Json) -> Inbound:
    renamed = {"httpSignature": "http_signature", "verifiedBy": "verified_by", "keyId": "key_id"}
    values = {renamed.get(name, name): value for name, value in entry.items()}
    body = values.get("body")
    values |= {
        "log": tuple(values["log"]),
        "callbacks": _attempts(values["callbacks"]),
        "body": body if isinstance(body, dict) else {},
    }
    return Inbound(**values)
