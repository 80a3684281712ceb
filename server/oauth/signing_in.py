"""Lets people in by handle and passphrase, on whichever way, and nobody try without end."""

from fastapi import Request
from limits import RateLimitItem

from server.assembly import Assembly
from server.organizing.people.sign_in import check_passphrase
from server.throttling import allowance, network_of

TRIES: tuple[tuple[str, RateLimitItem], ...] = (
    ("network", allowance(30, 900)),
    ("name", allowance(100, 3_600)),
    ("both", allowance(10, 900)),
)
"""How often a passphrase may be tried from one network, for one name, and for one name from one network."""

WRONG = "That name and that passphrase do not belong together."
TOO_OFTEN = "Too many tries. Wait a quarter of an hour."


class NotSignedIn(Exception):
    """Why not, in words for whoever tried; `status` is the HTTP status for it."""

    def __init__(self, words: str, *, status: int) -> None:
        super().__init__(words)
        self.status = status


async def sign_in(request: Request, *, handle: str, passphrase: str) -> str:
    """The id of the person. Raises `NotSignedIn`."""
    assembly: Assembly = request.app.state.assembly
    name = handle.strip().removeprefix("@").partition("@")[0].lower()
    if not await _may_try(request, name):
        raise NotSignedIn(TOO_OFTEN, status=429)
    person_id = await check_passphrase(assembly.federation.reading, handle=name, passphrase=passphrase)
    if person_id is None:
        raise NotSignedIn(WRONG, status=422)
    return person_id


async def _may_try(request: Request, name: str) -> bool:
    """Counts a try against every allowance."""
    network = network_of(request)
    keys = {"network": network, "name": name, "both": f"{network} {name}"}
    spent = [await request.app.state.throttle.spend(limit, f"sign-in {kind}", keys[kind]) for kind, limit in TRIES]
    return all(tried.allowed for tried in spent)
