"""Sends signed requests to ourselves through the proxy, and compares what left with what arrived."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import DBAPIError

from federation.client import Answer, ForbiddenAddress, Spec, Unreachable
from federation.identities import signer_for
from federation.inbox import LARGEST_BODY
from federation.origin import INSTANCE_ID
from server.checks.findings import Finding, fail, ok, warn
from server.checks.machine import memory, open_files
from server.checks.seen import Outside, unreached
from server.operations.reflection import close_probe, open_probe
from server.version import VERSION

CHECK = "proxy"
SMALL = '{ "text":\t"ü, and a space at the end" }\r\n '.encode()
"""Bytes that whoever parses and writes JSON anew, or mends line ends, does not give back."""

ODD = "a%2Fb;c=d/~e//f?b=2&a=%26&a=1"
"""A path and a query that whoever normalises or sorts them does not give back."""

SENT: Mapping[Spec, tuple[str, ...]] = {
    "cavage": ("signature", "date", "digest", "content-type"),
    "rfc9421": ("signature", "signature-input", "content-digest", "content-type"),
}
"""The headers without which a signature of each form cannot be checked."""


async def passage(outside: Outside) -> AsyncIterator[Finding]:
    """A small body with one form of signature, the largest with the other. Opens the probe, and closes it again."""
    federation = outside.federation
    try:
        async with federation.writing() as context:
            token = await open_probe(context)
            signer = await signer_for(context, INSTANCE_ID)
    except (DBAPIError, OSError) as error:
        step = "is the disk full, or the database read-only?"
        yield fail("database", f"nothing can be written: {type(error).__name__}", step)
        return
    told: set[str] = set()
    try:
        arrived: Mapping[str, Any] = {}
        bodies: tuple[tuple[Spec, bytes], ...] = (("cavage", SMALL), ("rfc9421", b"x" * LARGEST_BODY))
        for spec, body in bodies:
            target = f"/probe/{token}/{ODD}"
            try:
                answer = await federation.client.post(
                    f"{federation.origin}{target}", body, signer=signer, now=federation.clock(), spec=spec
                )
            except (Unreachable, ForbiddenAddress) as error:
                yield unreached("the public address", error)
                continue
            arrived = _seen(answer)
            if not arrived:
                yield refused(answer.status, len(body))
                continue
            for finding in compare(arrived, target, federation.origin.domain, body, spec):
                if finding.sentence not in told:
                    yield finding
                told.add(finding.sentence)
        for finding in _about_process(arrived):
            yield finding
    finally:
        with suppress(DBAPIError, OSError):  # it ends by itself in two minutes
            async with federation.writing() as context:
                await close_probe(context)


def _seen(answer: Answer) -> Mapping[str, Any]:
    """What the probe says arrived, nothing where it was not the probe that answered."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if answer.status == 200 and isinstance(said, dict) and "sha256" in said else {}


def refused(status: int, size: int) -> Finding:
    """What it means that the request did not come through to the probe."""
    said = f"a signed POST of {size:,} bytes to the public address gets {status} instead of arriving here"
    if status == 413:
        return fail(CHECK, said, f"let the proxy pass bodies of up to {LARGEST_BODY:,} bytes")
    if status == 404:
        step = (
            "is it this server, run with this database, that is behind the domain? Let the proxy keep paths as they are"
        )
        return fail(CHECK, said, step)
    return fail(CHECK, said, "let the proxy hand on POST requests whole, and keep this server running")


def compare(arrived: Mapping[str, Any], target: str, host: str, body: bytes, spec: Spec) -> Iterator[Finding]:
    """One finding for each thing that was changed on the way, or one that says that nothing was."""
    changed = list(_changes(arrived, target, host, body, spec))
    if not changed and arrived.get("signature") != "verified":
        step = "look at the clock of this machine, then at what else the proxy rewrites"
        changed = [fail(CHECK, f"our own {spec} signature does not hold: {arrived.get('signature')}", step)]
    yield from changed
    if not changed:
        said = f"Host, path, query, headers and {len(body):,} bytes arrive as they were sent, and {spec} verifies"
        yield ok(CHECK, said)


def _changes(arrived: Mapping[str, Any], target: str, host: str, body: bytes, spec: Spec) -> Iterator[Finding]:
    if arrived.get("host") != [host]:
        seen = ", ".join(map(str, arrived.get("host") or ["none"]))
        step = "let the proxy keep it: proxy_set_header Host $host (nginx), ProxyPreserveHost On (Apache)"
        yield fail(CHECK, f"the proxy changes the Host header from {host} to {seen}", step)
    path, _, query = str(arrived.get("target")).partition("?")
    sent_path, _, sent_query = target.partition("?")
    if path != sent_path:
        step = (
            "let the proxy pass paths as they came: no merging of slashes, no decoding (nginx: no path in proxy_pass)"
        )
        yield fail(CHECK, "the proxy changes the path of a request", step)
    if query != sent_query:
        yield fail(CHECK, "the proxy changes the query of a request", "let the proxy pass the query as it came")
    missing = [name for name in SENT[spec] if name not in (arrived.get("headers") or ())]
    if missing:
        yield fail(CHECK, f"the proxy takes away the header {', '.join(missing)}", "let the proxy pass all headers")
    if arrived.get("sha256") != hashlib.sha256(body).hexdigest():
        yield fail(CHECK, "the proxy changes the body of a request", "let the proxy pass bodies as they came")


def _about_process(arrived: Mapping[str, Any]) -> Iterator[Finding]:
    """What the running server says of itself, where it may differ from this command."""
    if not arrived:
        return
    if arrived.get("version") != VERSION:
        said = f"the server that runs is {arrived.get('version')}, and the code here {VERSION}"
        yield warn("version", said, "restart the server")
    for found in (open_files(arrived.get("open_files")), memory(arrived.get("memory"), 2**62)):
        if found.severity != "ok":
            yield Finding(f"{found.check} of the server", found.severity, found.sentence, found.next_step)
