"""Changes the root key: every other key is wrapped anew in one transaction, and no cell and no index is touched.

Cut off at any moment, the old key or the new one opens the data, and the file of neither is gone.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from crypto.sealing import CannotOpen, RootKey, Stretching, root_from_passphrase
from federation.context import Context
from models import DataKey as DataKeyRow
from server.assembly import Assembly
from server.custody.opening import DamagedData
from server.custody.record import RootRecord, read_record, write_record
from server.custody.sources import Source
from server.root_key import (
    RootKeyProblem,
    former_of,
    install_successor,
    lay_successor,
    load_root_key,
    successor_of,
    write_root_key,
)
from server.vault import StaleRootKey, unwrap


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of it: how many keys were wrapped anew, where the new root key is (None for a passphrase), and where
    the former one is kept (None where it was no file)."""

    wrapped: int
    place: Path | None
    former: Path | None


async def change_root_key(
    assembly: Assembly, *, to: Source, key_file: Path | None = None, passphrase: str = ""
) -> Changed:
    """Puts the data under a new root key from the source `to`: the `passphrase`, or a key in `key_file`.

    Without `key_file` the key takes the place of the one in use, or lies where the settings would look for a file. A
    credential is written as a file too, to be encrypted by the service manager's own means. `assembly` must be the
    only one that has the data open. Raises `RootKeyProblem`, `DamagedData`, `StaleRootKey`.
    """
    settings, held = assembly.settings, assembly.held
    own_file = settings.key_path if held.source is Source.FILE else None
    if to is Source.PASSPHRASE:
        how = Stretching(os.urandom(16))
        root = await asyncio.to_thread(root_from_passphrase, passphrase, how)
        await _change(assembly, root, how)
        return Changed(await _verified(assembly, root), None, own_file)
    root, place = RootKey.generate(), key_file or settings.key_path
    if place.is_relative_to(settings.data_dir):
        raise RootKeyProblem(f"the root key {place} must not be inside the data directory")
    in_place = place == own_file and to is Source.FILE
    if in_place:
        _check_no_change_waits(place, held.root)
        lay_successor(place, root)
    else:
        write_root_key(place, root)
    await _change(assembly, root, None)
    wrapped = await _verified(assembly, root)
    if in_place:
        install_successor(place)
        return Changed(wrapped, place, former_of(place, held.root.id))
    return Changed(wrapped, place, own_file)


async def _change(assembly: Assembly, root: RootKey, how: Stretching | None) -> None:
    async with assembly.database.writing() as context:
        await wrap_anew(context, assembly.held.root, root, how)
    assembly.database.keyring.root = root


async def wrap_anew(context: Context, old: RootKey, new: RootKey, how: Stretching | None) -> None:
    """Wraps every key with the new root key instead of the old one, and writes down that it is so.

    Raises `StaleRootKey` when the old one is not the database's any more, `DamagedData` for a key that does not open.
    """
    record = await read_record(context.session, change=True)
    if record is None or record.id != old.id:
        raise StaleRootKey
    for row in (await context.session.execute(select(DataKeyRow).with_for_update())).scalars():
        try:
            key = unwrap(old, row)
        except CannotOpen as error:
            raise DamagedData(f"the data key of {row.scope}") from error
        row.wrapped, row.wrapped_by = new.wrap(key, row.scope), new.id
    await write_record(context.session, RootRecord(new.id, context.now.date(), how))
    await context.session.flush()
    context.wake("log")  # what the old key wrapped leaves the write-ahead log as well


async def _verified(assembly: Assembly, root: RootKey) -> int:
    """How many keys the new root key opens, which are all: read back before anything of the old one is moved."""
    async with assembly.database.reading() as context:
        record = await read_record(context.session)
        if record is None or record.id != root.id:
            raise DamagedData("what was just written")
        rows = (await context.session.execute(select(DataKeyRow))).scalars().all()
        for row in rows:
            try:
                unwrap(root, row)
            except (CannotOpen, StaleRootKey) as error:
                raise DamagedData(f"the data key of {row.scope}") from error
    return len(rows)


def _check_no_change_waits(path: Path, root: RootKey) -> None:
    """A successor that the data is under already must not be written over."""
    if load_root_key(path).id != root.id:
        raise RootKeyProblem(
            f"the key of this data is still in {successor_of(path)}, as {path} could not be replaced: "
            "make its folder writable, and start the server or any command"
        )
