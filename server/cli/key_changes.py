"""The three changes behind `keys rotate`: what each does, and what it says afterwards."""

import asyncio
from enum import StrEnum
from pathlib import Path

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from federation.context import Context
from federation.identities import make_keypairs
from models import LocalActor
from server.assembly import Assembly, assemble
from server.cli.beginning import credential_steps
from server.cli.terminal import CommandFailed, actor_named
from server.config import Settings
from server.custody.changing import Changed, change_root_key
from server.custody.data_keys import change_data_keys, keys_of
from server.custody.placement import promises
from server.custody.resealing import reseal
from server.custody.sources import Source, ask_on_terminal, check_new_passphrase, read_passphrase_file
from server.organizing import profiles
from server.organizing.movements.queries import scope_of_group
from server.vault import SERVER_SCOPE

AT_A_TIME = 10
"""Actors that get new keys at once: every server that knows one has to fetch it (WIRE 1.9)."""


class Which(StrEnum):
    """The kinds of keys that can be changed."""

    ROOT = "root"
    DATA = "data"
    FEDERATION = "federation"


def rotate_root(settings: Settings, to: Source | None, key_file: Path | None, new_file: Path | None) -> list[str]:
    """Puts the data under a new root key. Nobody else may have it open."""

    place = key_file.expanduser().absolute() if key_file else None

    async def change() -> tuple[Source, Changed]:
        async with assemble(settings, create=False, sole=True) as assembly:
            target = to or assembly.held.source
            if key_file if target is Source.PASSPHRASE else new_file:
                raise CommandFailed("--key-file is for a key, --new-passphrase-file for a passphrase")
            passphrase = _new_passphrase(new_file) if target is Source.PASSPHRASE else ""
            return target, await change_root_key(assembly, to=target, key_file=place, passphrase=passphrase)

    target, changed = asyncio.run(change())
    lines = [f"{changed.wrapped} keys are wrapped anew; no cell and no index had to change"]
    if changed.place is not None:
        lines.append(f"root key: {changed.place} (keep a copy apart from the data)")
    if target is Source.CREDENTIAL:
        lines += credential_steps(str(changed.place))
    elif changed.place not in (None, settings.key_path):
        lines.append(f"before the next start: set GROUNDSWELL_ROOT_KEY_FILE to {changed.place}")
    if changed.former is not None:
        lines.append(f"{changed.former} opens only copies of the data from before: delete it when those are gone")
    return [*lines, *promises(target)]


async def rotate_data(assembly: Assembly, name: str, *, resealing: bool) -> list[str]:
    """New data keys; with `resealing` the old ones are done away with, work that was cut off before any new one."""
    database = assembly.database
    async with database.writing() as unit:
        older = [key for key in await keys_of(unit) if key.retired_on is not None]
        begun = resealing and bool(older)
        scopes = [] if begun else await change_data_keys(unit, database.keyring, await _scope(unit, name))
    if name and not scopes and not begun:
        return [f"nothing is sealed for {name} yet"]
    lines = [f"new data keys: {len(scopes)}"]
    if not resealing:
        step = "groundswell keys rotate data --reseal"
        return [*lines, f"what was sealed before keeps its key; to seal it anew: {step}"]
    done = await reseal(database, sole=database.is_sqlite and assembly.occupancy.is_sole())
    lines += [f"cells sealed anew: {done.cells}", f"older keys: {done.dropped} deleted, {done.kept} kept"]
    if done.damaged:
        lines.append(f"{done.damaged} cells do not open and keep their keys: they are lost, unless a backup has them")
    elif done.kept:
        lines.append("others may just have sealed with those that are kept: do this again tomorrow")
    return lines


async def rotate_federation(assembly: Assembly, name: str, *, at_once: bool) -> list[str]:
    """New keys for one actor, or for those with the oldest, each in a unit of work of its own."""
    async with assembly.federation.reading() as unit:
        due = _due(unit, at_once=at_once)
        oldest = select(LocalActor).where(due).order_by(col(LocalActor.keys_made_on), col(LocalActor.id))
        found = (await unit.session.execute(oldest.limit(AT_A_TIME))).scalars()
        chosen = [await actor_named(unit, name)] if name else list(found)
        all_due = (await unit.session.execute(select(func.count(col(LocalActor.id))).where(due))).scalar_one()
    lines = []
    for actor in chosen:
        keypairs = await make_keypairs()
        async with assembly.federation.writing() as unit:
            fresh = await unit.session.get_one(LocalActor, actor.id)
            await profiles.change_keys(unit, actor=fresh, keypairs=keypairs, overlap=not at_once)
            until = f"count until {fresh.former_until.date()}" if fresh.former_until else "count no more"
            lines.append(f"@{fresh.handle}: new keys; those before {until}")
    if not name and all_due > len(chosen):
        lines.append(f"{all_due - len(chosen)} actors are left, not all at once: do this again in an hour")
    return lines or ["nobody is due: all keys are of today, or follow others that still count"]


def _due(unit: Context, *, at_once: bool) -> ColumnElement[bool]:
    ready = (col(LocalActor.state) == "active") & (col(LocalActor.keys_made_on) < unit.now.date())
    return ready if at_once else ready & col(LocalActor.former_until).is_(None)


def _new_passphrase(file: Path | None) -> str:
    typed = read_passphrase_file(file) if file is not None else ask_on_terminal("The new boot passphrase", True)
    return check_new_passphrase(typed)


async def _scope(unit: Context, name: str) -> str | None:
    if name in ("", SERVER_SCOPE):
        return name or None
    actor = await actor_named(unit, name)
    scope = await scope_of_group(unit, unit.origin.actor(actor.id))
    if scope == SERVER_SCOPE:
        raise CommandFailed(f"{name} has no data key of its own: name a movement, or server")
    return scope
