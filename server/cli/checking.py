"""`check`: what is right, what is not, and what to do about it."""

import asyncio
import json
from typing import Annotated

import typer

from server.checks.examination import examine
from server.checks.findings import Finding, Severity, worst
from server.cli.terminal import settings_of
from server.config import Settings
from server.version import VERSION


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("check")(check)


def check(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")] = False,
) -> None:
    """Examines machine, files, key, database, queues, and this server as others see it. Exit code 1 for a failure."""
    settings = settings_of(context)
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    findings = asyncio.run(_collect(settings))
    if as_json:
        typer.echo(_document(findings))
    else:
        for finding in findings:
            step = "" if finding.severity is Severity.OK else f" → {finding.next_step}"
            typer.echo(f"{finding.severity:<5} {finding.check}: {finding.sentence}{step}")
    if worst(findings) is Severity.FAIL:
        raise typer.Exit(1)


async def _collect(settings: Settings) -> list[Finding]:
    return [finding async for finding in examine(settings)]


def _document(findings: list[Finding]) -> str:
    rows = [
        {"check": one.check, "severity": one.severity, "sentence": one.sentence, "next_step": one.next_step}
        for one in findings
    ]
    return json.dumps({"version": VERSION, "worst": worst(findings), "findings": rows}, ensure_ascii=False, indent=2)
