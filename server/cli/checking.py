"""`check`: what is right, what is not, and what to do about it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import typer

from federation.client import ForbiddenAddress, Unreachable
from federation.identities import signer_for
from federation.origin import INSTANCE_ID
from federation.overview import overview
from federation.runtime import Federation
from server.assembly import Assembly, CannotStart, assemble
from server.cli.terminal import settings_of
from server.config import Settings
from server.custody.placement import examine

STALE = timedelta(minutes=10)
"""An incoming activity that waits longer means that no worker runs, or that it cannot keep up."""


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("check")(check)


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, note or problem; a problem makes the command end with 1. `next_step` is what to do."""

    level: str
    about: str
    detail: str
    next_step: str = ""


def check(context: typer.Context) -> None:
    """Examines directory, key, database, domain, queues, and our own WebFinger as others see it."""
    settings = settings_of(context)
    findings = asyncio.run(_examine(settings))
    for finding in findings:
        step = f" → {finding.next_step}" if finding.next_step else ""
        typer.echo(f"{finding.level:<8}{finding.about}: {finding.detail}{step}")
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    findings, source = list(_about_files(settings)), None
    try:
        async with assemble(settings, create=False) as assembly:
            source = assembly.held.source
            findings += await _about_data(assembly)
    except CannotStart as error:
        findings.append(Finding("problem", "start", str(error)))
    remarks = examine(settings, source)
    findings += [Finding(remark.level, "root key", remark.detail, remark.next_step) for remark in remarks]
    return findings


def _about_files(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", "data directory", str(settings.data_dir))
    if not os.access(settings.data_dir, os.W_OK):
        yield Finding("problem", "data directory", "cannot be written", "give it to the user who runs the server")


async def _about_data(assembly: Assembly) -> list[Finding]:
    federation, settings = assembly.federation, assembly.settings
    async with federation.reading() as unit:
        await signer_for(unit, INSTANCE_ID)
        seen = await overview(unit)
        findings = [Finding("ok", "database", assembly.database.engine.dialect.name), Finding("ok", "keys", "open")]
        if seen.inbox_oldest is not None and unit.now - seen.inbox_oldest > STALE:
            findings.append(Finding("problem", "incoming", f"{seen.inbox_waiting} wait", "is the server running?"))
        findings += [
            Finding(
                "note", "server", f"{host.host}: {host.failures} failures in a row", "groundswell federation status"
            )
            for host in seen.hosts
            if host.paused_until is not None and host.paused_until > unit.now
        ]
    if settings.trial:
        findings.append(
            Finding("note", "domain", "none: trial mode", "set GROUNDSWELL_DOMAIN, with an empty data directory")
        )
    else:
        findings.append(await _about_webfinger(federation))
    return findings


async def _about_webfinger(federation: Federation) -> Finding:
    url = f"{federation.origin}/.well-known/webfinger?resource={federation.origin.instance}"
    step = "point the domain and the TLS proxy at this server, and keep it running"
    try:
        answer = await federation.client.get(url, accept="application/jrd+json", signer=None, now=federation.clock())
    except (Unreachable, ForbiddenAddress) as error:
        return Finding("problem", "seen from outside", f"{federation.origin} does not answer: {error}", step)
    if answer.status != 200 or federation.origin.instance.encode() not in answer.body:
        return Finding("problem", "seen from outside", f"WebFinger answers {answer.status}", step)
    return Finding("ok", "seen from outside", f"WebFinger at {federation.origin} names this server")
