"""`run`: the main job."""

import asyncio

import typer

from server import logs
from server.app import create_app
from server.assembly import assemble, setup_token
from server.cli.terminal import settings_of
from server.config import Settings
from server.running import serve


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("run")(run_server)


def run_server(context: typer.Context) -> None:
    """Web and worker in one process. The first start makes the data directory, secrets and a one-time setup link."""
    settings = settings_of(context)
    logs.configure(settings)
    token = asyncio.run(_prepare(settings))
    for line in _welcome(settings, token):
        typer.echo(line, err=True)
    serve(create_app(settings), settings)


async def _prepare(settings: Settings) -> str | None:
    async with assemble(settings) as assembly, assembly.database.writing() as context:
        return await setup_token(context)


def _welcome(settings: Settings, token: str | None) -> list[str]:
    local = f"http://{settings.host}:{settings.port}"
    lines = [
        f"data directory: {settings.data_dir}",
        f"root key:       {settings.key_path} (keep a copy apart from the data)",
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
