"""`run`: the main job; `web` and `worker`: its two halves."""

import asyncio

import typer

from server import logs
from server.app import create_app
from server.assembly import assemble, place_of_server, setup_token
from server.cli.terminal import CommandFailed, settings_of
from server.config import Settings
from server.custody.opening import Held
from server.running import serve, work


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("run")(run_server)
    app.command("web")(run_web)
    app.command("worker")(run_worker)


def run_server(context: typer.Context) -> None:
    """Web and worker in one process; on SQLite there is one. The first start makes the data directory, secrets and a
    one-time setup link."""
    settings = settings_of(context)
    with place_of_server(settings):
        _serve(settings, works=True)


def run_web(context: typer.Context) -> None:
    """Answers requests and nothing else: workers run beside it. PostgreSQL only; any number of both."""
    settings = settings_of(context)
    _require_postgresql(settings, "web")
    _serve(settings, works=False)


def run_worker(context: typer.Context) -> None:
    """Processes what came in, delivers, and tidies up; answers nobody else. PostgreSQL only; any number of them."""
    settings = settings_of(context)
    _require_postgresql(settings, "worker")
    logs.configure(settings)
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    typer.echo(f"working for:    {settings.origin}", err=True)
    if settings.worker_port is not None:
        typer.echo(f"health, numbers: http://127.0.0.1:{settings.worker_port}/readyz and /metrics", err=True)
    work(settings)


def _require_postgresql(settings: Settings, command: str) -> None:
    if settings.database_url is None:
        raise CommandFailed(
            f"{command} needs PostgreSQL (GROUNDSWELL_DATABASE_URL); with SQLite one process does both: groundswell run"
        )


def _serve(settings: Settings, *, works: bool) -> None:
    logs.configure(settings)
    held, token = asyncio.run(_prepare(settings))
    for line in _welcome(settings, held, token):
        typer.echo(line, err=True)
    serve(create_app(settings, works=works, held=held), settings)


async def _prepare(settings: Settings) -> tuple[Held, str | None]:
    async with assemble(settings) as assembly, assembly.database.writing() as context:
        return assembly.held, await setup_token(context)


def _welcome(settings: Settings, held: Held, token: str | None) -> list[str]:
    local = f"http://{settings.host}:{settings.port}"
    lines = [
        f"data directory: {settings.data_dir}",
        f"root key:       {held.where} (keep a copy apart from the data)",
        f"listening on:   {local}",
    ]
    if settings.trial:
        lines.append(
            "trial mode:     not public, no federation until GROUNDSWELL_DOMAIN is set "
            "(chosen once, with an empty data directory)"
        )
    else:
        lines.append(f"public address: {settings.origin}")
    if token is not None:
        base = local if settings.trial or settings.insecure_http else str(settings.origin)
        lines.append(f"set up here, once: {base}/setup/{token}")
    return lines
