"""`federation`: the state of the wire, and whether another server can be spoken with."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from federation import retrying
from federation.blocks import is_blocked
from federation.client import Answer, ForbiddenAddress, Unreachable
from federation.fetch import FetchFailed
from federation.identities import signer_for
from federation.origin import INSTANCE_ID, BadUri, Origin, host_of, normalize_host
from federation.overview import HostState, Overview, overview
from federation.remote import look_up
from federation.runtime import Federation
from server.assembly import Assembly
from server.checks.stored import told
from server.cli.terminal import CommandFailed, run, settings_of, show_table
from server.organizing.moderation import service as moderation
from server.organizing.refusal import Refused


def register(app: typer.Typer) -> None:
    """Adds this family."""
    family = typer.Typer(help="Other servers.", no_args_is_help=True)
    family.command("status")(status)
    family.command("retry")(retry)
    family.command("test")(test)
    family.command("block")(block)
    family.command("unblock")(unblock)
    app.add_typer(family, name="federation")


def status(context: typer.Context) -> None:
    """Shows each server's lane, breaker and oldest delivery; what came in this week; blocked domains."""

    async def command(assembly: Assembly) -> tuple[Overview, datetime]:
        async with assembly.federation.reading() as unit:
            return await overview(unit), unit.now

    _print_overview(*run(context, command))


def _print_overview(seen: Overview, now: datetime) -> None:
    hosts = Table(
        "server", "oldest", "waiting", "given up", "lane", "breaker", "failures", "left alone until", "form", box=None
    )
    for host in seen.hosts:
        hosts.add_row(
            host.host,
            told(now - host.oldest) if host.oldest else "–",
            str(host.waiting),
            str(host.dead),
            _lane(host),
            "open" if host.breaker_open else "closed",
            str(host.failures),
            host.paused_until.isoformat(timespec="minutes") if host.paused_until else "",
            host.signature_spec or "unknown",
        )
    show_table(hosts)
    queues = seen.queues
    for direction, queue in (("incoming", queues.inbound), ("outgoing", queues.outbound)):
        oldest = f", the oldest for {told(now - queue.oldest)}" if queue.oldest else ""
        paused = ", PAUSED" if queue.paused_since else ""
        typer.echo(f"{direction}: {queue.waiting} waiting{oldest}{paused}")
    typer.echo(f"lanes: {queues.lanes}, breakers open: {queues.breakers_open}")
    for verb, outcome, count in seen.tallies:
        typer.echo(f"  {verb} {outcome}: {count}")
    typer.echo(f"blocked: {', '.join(seen.blocked) or 'nobody'}")


def _lane(host: HostState) -> str:
    if host.in_lane:
        return "busy"
    if host.paused_until is not None:
        return "left alone"
    return "waits" if host.waiting else "idle"


def retry(
    context: typer.Context,
    host: Annotated[str | None, typer.Argument(help="A server, as `federation status` names it.")] = None,
    inbox: Annotated[bool, typer.Option("--inbox", help="Received activities that were given up.")] = False,
) -> None:
    """Tries again at once what waits for a server or was given up, and closes its breaker; or what came in in vain."""
    if inbox == (host is not None):
        raise CommandFailed("name a server, or say --inbox")

    async def command(assembly: Assembly) -> str:
        async with assembly.federation.writing() as unit:
            if host is None:
                return f"{await retrying.retry_inbox(unit)} received activities wait again"
            name = host_of(f"{unit.origin.scheme}://{host}")
            if await is_blocked(unit, name):
                raise CommandFailed(f"{name} is blocked; first: groundswell federation unblock {name}")
            retried = await retrying.retry_host(unit, name)
            if retried is None:
                raise CommandFailed(f"nothing was ever queued for {name}; see: groundswell federation status")
            lost = f"; {retried.lost} cannot be: their content was erased when they were given up"
            return f"{retried.due} deliveries to {name} are due now{lost if retried.lost else ''}"

    try:
        typer.echo(run(context, command))
    except BadUri as error:
        raise CommandFailed("that is not a host name") from error


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of the test: what was tried, how it went, and what to do about it."""

    step: str
    good: bool
    detail: str


def test(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="A server, or an account on it as user@host.")],
) -> None:
    """Tries what federation needs of another server: address, TLS, NodeInfo, and, for an account, a signed fetch."""
    settings = settings_of(context)
    if settings.trial:
        raise CommandFailed("trial mode: set GROUNDSWELL_DOMAIN before testing federation")

    async def command(assembly: Assembly) -> bool:
        good = True
        async for finding in _examine(assembly.federation, host):
            mark = "ok    " if finding.good else "FAILED"
            typer.echo(f"{mark} {finding.step}: {finding.detail}")
            good = good and finding.good
        return good

    if not run(context, command):
        raise typer.Exit(1)


async def _examine(federation: Federation, text: str) -> AsyncIterator[Finding]:
    name, _, host = text.removeprefix("@").rpartition("@")
    try:
        base = Origin(federation.origin.scheme, host_of(f"{federation.origin.scheme}://{host}"))
        normalize_host(urlsplit(str(base)).hostname or "")
    except BadUri as error:
        raise CommandFailed(f"{host!r} is not a host name") from error
    try:
        answer = await _get(federation, f"{base}/.well-known/nodeinfo")
        yield Finding("connection", good=True, detail=f"{base} answers")
        yield await _software(federation, answer)
    except ForbiddenAddress as error:
        yield Finding("connection", good=False, detail=f"{error}: the address is not on the public internet")
        return
    except Unreachable as error:
        yield Finding("connection", good=False, detail=f"{error}: is the name right, and the server up?")
        return
    if name:
        yield await _account(federation, f"{name}@{base.domain}")


async def _software(federation: Federation, answer: Answer) -> Finding:
    try:
        links = json.loads(answer.body)["links"]
        href = next(link["href"] for link in reversed(links) if "nodeinfo.diaspora.software" in link["rel"])
        software = json.loads((await _get(federation, href)).body)["software"]
        return Finding("software", good=True, detail=f"{software['name']} {software['version']}"[:80])
    except (ValueError, LookupError, TypeError, StopIteration, AttributeError):
        return Finding("software", good=False, detail="no NodeInfo: perhaps not a fediverse server")


async def _account(federation: Federation, handle: str) -> Finding:
    try:
        actor = await look_up(federation, handle)
    except FetchFailed as error:
        return Finding("account", good=False, detail=f"{handle}: {error}")
    return Finding("account", good=True, detail=f"{handle} is {actor.type} {actor.id}, fetched with our signature")


async def _get(federation: Federation, url: str) -> Answer:
    async with federation.reading() as unit:
        signer = await signer_for(unit, INSTANCE_ID)
    return await federation.client.get(url, accept="application/json", signer=signer, now=federation.clock())


def block(context: typer.Context, domain: Annotated[str, typer.Argument(help="A domain, with all below it.")]) -> None:
    """Neither hears nor speaks to a domain any more; ends follows with it."""

    async def command(assembly: Assembly) -> None:
        async with assembly.federation.writing() as unit:
            await moderation.block_domain(unit, normalize_host(domain))

    _run(context, command)
    typer.echo(f"blocked {domain}")


def unblock(context: typer.Context, domain: Annotated[str, typer.Argument(help="A blocked domain.")]) -> None:
    """Hears and speaks to a domain again; follows that were ended stay ended."""

    async def command(assembly: Assembly) -> None:
        async with assembly.federation.writing() as unit:
            await moderation.unblock_domain(unit, normalize_host(domain))

    _run(context, command)
    typer.echo(f"unblocked {domain}")


def _run(context: typer.Context, command: Callable[[Assembly], Awaitable[None]]) -> None:
    try:
        run(context, command)
    except BadUri as error:
        raise CommandFailed("that is not a host name") from error
    except Refused as error:
        raise CommandFailed(str(error)) from error
