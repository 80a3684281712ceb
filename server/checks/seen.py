"""Looks at this server as others see it: name, certificate, documents, through its public address and no other way."""

import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from federation.client import Answer, Client, ForbiddenAddress, Unreachable
from federation.gate import Gate
from federation.identities import signer_for
from federation.origin import INSTANCE_ID
from federation.runtime import Federation
from models import LocalActor
from server.assembly import client_of
from server.checks.findings import Finding, fail, note, ok, warn
from server.checks.witness import Witness, distrust
from server.config import Settings

MOST_ADDRESSES = 4
EXPIRES_SOON, EXPIRES_NOW = timedelta(days=14), timedelta(days=3)
"""Usual certificates are renewed a month before they end: one that has less left is not being renewed."""

PUBLIC_STEP = "point the domain and the TLS proxy at this server, and keep it running"
DNS_STEP = "set an A (and, if you have it, an AAAA) record of the domain to this server's public address"


@dataclass(frozen=True, slots=True)
class Outside:
    """The way out and back in: our own client, whose TLS is witnessed."""

    settings: Settings
    federation: Federation
    witness: Witness

    @property
    def host(self) -> str:
        """The domain without a port."""
        return self.settings.public_domain.partition(":")[0]


def client_to(address: str, settings: Settings, witness: Witness) -> Client:
    """The client of the server itself, with a witness, that connects to this address whatever the name is."""

    async def pinned(_host: str) -> Sequence[str]:
        return [address]

    return client_of(settings, lookup=pinned, tls=witness)


async def addresses(outside: Outside, gate: Gate) -> tuple[list[str], Finding]:
    """What the domain leads to, and what that means; no address when nothing else is to be looked at."""
    domain = outside.settings.public_domain
    try:
        found = await gate.resolve(outside.host)
    except ForbiddenAddress:
        step = "check from another network, or let this machine resolve the domain as the internet does"
        return [], warn("dns", f"{domain} leads to a private address here: it cannot be seen from outside", step)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL):
            step = "connect this machine, or mend its name server; then check again"
            return [], warn("network", "no name server answers: nothing could be looked at from outside", step)
        return [], fail("dns", f"{domain} has no address", DNS_STEP)
    except OSError:
        return [], fail("dns", f"{domain} has no address", DNS_STEP)
    return found[:MOST_ADDRESSES], ok("dns", f"{domain} leads to {', '.join(found[:MOST_ADDRESSES])}")


async def reach(outside: Outside, found: Sequence[str], now: datetime) -> AsyncIterator[tuple[Finding, bool]]:
    """Whether every address of the domain answers, with a certificate that is believed and lasts a while.

    Each finding comes with whether the address was reached.
    """
    origin = outside.settings.origin
    for address in found:
        witness = Witness.create()
        client = client_to(address, outside.settings, witness)
        try:
            await client.get(f"{origin}/.well-known/nodeinfo", accept="application/json", signer=None, now=now)
        except (Unreachable, ForbiddenAddress) as error:
            yield unreached(f"{origin} at {address}", error), False
            continue
        finally:
            await client.aclose()
        if origin.scheme == "https":
            for finding in expiry(min(witness.expiries, default=None), now, where=address):
                yield finding, True
        else:
            yield note("tls", f"{origin} is not encrypted", "for tests only: unset GROUNDSWELL_INSECURE_HTTP"), True


def unreached(where: str, error: Exception) -> Finding:
    """Why something at the public address could not be had."""
    reason = distrust(error)
    if reason is not None:
        step = "renew the certificate, for this very name and with its whole chain (fullchain), and reload the proxy"
        return fail("tls", f"the certificate of {where} is not believed: {reason}", step)
    if isinstance(error.__cause__, OSError) and error.__cause__.errno == 101:  # ENETUNREACH
        return warn("network", f"{where} cannot be reached from this machine: no route", "check from another network")
    return fail("seen from outside", f"{where} does not answer: {error}", PUBLIC_STEP)


def expiry(ends: datetime | None, now: datetime, *, where: str) -> Iterator[Finding]:
    """How long the certificate still lasts."""
    if ends is None:
        yield warn("tls", f"no certificate was seen at {where}", "let the proxy speak TLS")
        return
    left = ends - now
    said = f"the certificate at {where} is believed, and ends on {ends:%Y-%m-%d}, in {left.days} days"
    step = "see why it is not renewed: the log of the proxy or of its ACME client"
    if left < EXPIRES_NOW:
        yield fail("tls", said, step)
    else:
        yield warn("tls", said, step) if left < EXPIRES_SOON else ok("tls", said)


async def documents(outside: Outside) -> AsyncIterator[Finding]:
    """WebFinger, NodeInfo and the instance actor, as any other server would fetch them."""
    federation = outside.federation
    origin, own = federation.origin, federation.origin.instance
    async with federation.reading() as context:
        actor = await context.session.get_one(LocalActor, INSTANCE_ID)
        signer = await signer_for(context, INSTANCE_ID)
    async with _asked(outside, "webfinger", f"{origin}/.well-known/webfinger?resource={own}") as (answer, failed):
        links = _json(answer).get("links") if answer else None
        found = isinstance(links, list) and any(isinstance(link, dict) and link.get("href") == own for link in links)
        yield failed or _named("webfinger", "WebFinger", found, "/.well-known/webfinger with its query")
    async with _asked(outside, "nodeinfo", f"{origin}/nodeinfo/2.1") as (answer, failed):
        software = _json(answer).get("software") if answer else None
        version = software.get("version") if isinstance(software, dict) else None
        yield failed or _named("nodeinfo", "NodeInfo", version is not None, "/.well-known/nodeinfo and /nodeinfo")
    async with _asked(outside, "actor", own, accept="application/activity+json", signer=signer) as (answer, failed):
        key = _json(answer).get("publicKey") if answer else None
        pem = key.get("publicKeyPem") if isinstance(key, dict) else None
        yield failed or _named("actor", "the actor document", pem == actor.public_key_pem, "/ap unchanged")


@asynccontextmanager
async def _asked(
    outside: Outside, check: str, url: str, *, accept: str = "application/json", signer: Any = None
) -> AsyncIterator[tuple[Answer | None, Finding | None]]:
    try:
        answer = await outside.federation.client.get(url, accept=accept, signer=signer, now=outside.federation.clock())
    except (Unreachable, ForbiddenAddress) as error:
        yield None, unreached(url, error)
        return
    if answer.status == 200:
        yield answer, None
    else:
        said = f"{url} answers {answer.status} to others"
        yield None, fail(check, said, f"let the proxy hand on {url.removeprefix(str(outside.federation.origin))}")


def _named(check: str, what: str, right: bool, path: str) -> Finding:
    if right:
        return ok(check, f"{what} at the public address is this server's")
    return fail(check, f"{what} at the public address is not this server's", f"let the proxy hand on {path}")


def _json(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


async def exposed(outside: Outside, paths: Sequence[str]) -> Finding:
    """Whether the proxy lets strangers see what is for this machine alone."""
    origin, seen = outside.federation.origin, []
    for path in paths:
        try:
            answer = await outside.federation.client.get(
                f"{origin}{path}", accept="*/*", signer=None, now=outside.federation.clock()
            )
        except (Unreachable, ForbiddenAddress):
            continue
        if answer.status != 404:
            seen.append(path)
    if seen:
        step = "let the proxy keep the Host header, or refuse these paths in it"
        return fail("operations", f"everybody can read {', '.join(seen)} at the public address", step)
    return ok("operations", "health and metrics are hidden at the public address")
