"""The order in which `groundswell check` looks at everything. Changes nothing but for its own probe."""

import asyncio
from collections.abc import AsyncIterator

from federation.gate import Gate
from federation.identities import signer_for
from federation.origin import INSTANCE_ID
from server.assembly import Assembly, CannotStart, assemble, client_of
from server.checks import clocks, files, machine, passage, seen, stored
from server.checks.findings import Finding, Severity, fail, note, ok, warn
from server.checks.seen import Outside
from server.checks.witness import Witness
from server.config import Settings, is_reserved
from server.operations.routes import PATHS

__all__ = ["examine"]

PATIENCE = 120.0
"""Seconds that looking from outside may take in all."""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Looks at everything, machine first, outside last. What cannot be looked at is said too."""
    for finding in machine.about_machine():
        yield finding
    for finding in files.about_files(settings):
        yield finding
    schema = await stored.about_schema(settings)
    yield schema
    for finding in stored.write_ahead_log(stored.sqlite_file(settings)):
        yield finding
    if schema.severity is Severity.FAIL:
        return
    witness = Witness.create()
    try:
        async with assemble(settings, client=client_of(settings, tls=witness), create=False) as assembly:
            async for finding in _opened(assembly, witness):
                yield finding
    except CannotStart as error:
        yield fail("start", str(error), "mend that, then check again")


async def _opened(assembly: Assembly, witness: Witness) -> AsyncIterator[Finding]:
    async with assembly.federation.reading() as context:
        await signer_for(context, INSTANCE_ID)
        yield ok("keys", "the root key opens this database")
        yield files.key_source(assembly.held.source)
        for finding in await stored.about_queues(context):
            yield finding
    settings = assembly.settings
    if settings.trial:
        step = "when the trial is over: set GROUNDSWELL_DOMAIN, with an empty data directory"
        yield note("domain", "none is set: trial mode, seen by nobody and not looked at from outside", step)
    elif is_reserved(settings.public_domain) and not settings.trusted_networks:
        step = "for a server that others are to reach, begin anew with a domain of your own"
        yield note("domain", f"{settings.public_domain} is a reserved name and never seen from outside", step)
    else:
        try:
            async with asyncio.timeout(PATIENCE):
                async for finding in _outside(Outside(settings, assembly.federation, witness)):
                    yield finding
        except TimeoutError:
            yield warn("seen from outside", f"looking took more than {PATIENCE:.0f} s", "check again later")


async def _outside(outside: Outside) -> AsyncIterator[Finding]:
    gate = Gate.trusting(outside.settings.trusted_networks)
    try:
        found, finding = await seen.addresses(outside, gate)
    finally:
        gate.close()
    yield finding
    if not found:
        return
    reached = False
    async for finding, is_reached in seen.reach(outside, found, outside.federation.clock()):
        reached |= is_reached
        yield finding
    if reached:
        async for finding in seen.documents(outside):
            yield finding
        async for finding in passage.passage(outside):
            yield finding
        yield await seen.exposed(outside, PATHS)
    yield await clocks.clock(outside.federation)
