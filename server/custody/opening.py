"""Opens the keys of a database: finds the root key that it was put under, and tells a wrong key from damaged data."""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import inspect, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, DataKey, IndexKey, RootKey, Stretching, root_from_passphrase
from federation.context import Context
from models import DataKey as DataKeyRow
from models import ServerSetting
from server.config import Settings
from server.custody.record import RootRecord, read_record, write_record
from server.custody.sources import Ask, Offer, Source, read_offer
from server.root_key import RootKeyProblem, install_successor, load_root_key, successor_of
from server.vault import INDEX_SCOPE, Keyring, unwrap, wrapped

_data_keys = SQLModel.metadata.tables["data_keys"]


class DamagedData(RuntimeError):
    """The root key is the right one, and yet something of this server's does not open with it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the root key is right, but {what} does not open: the database is damaged; restore a backup")


@dataclass(frozen=True, slots=True)
class Held:
    """The root key, where it came from, and how it is made from a passphrase if it is."""

    root: RootKey
    source: Source
    where: str
    stretching: Stretching | None = None


async def peek(engine: AsyncEngine) -> RootRecord | None:
    """What the database says of its root key, None where it says nothing yet. Makes no file. Raises `DamagedRecord`."""
    if engine.dialect.name == "sqlite" and not os.path.exists(engine.url.database or ""):  # noqa: ASYNC240  (once)
        return None
    async with AsyncSession(engine) as session:
        connection = await session.connection()
        if not await connection.run_sync(lambda sync: inspect(sync).has_table(ServerSetting.__tablename__)):
            return None
        return await read_record(session)


async def hold(settings: Settings, record: RootRecord | None, *, begun: bool, ask: Ask) -> Held:
    """The root key, read from its source. Raises `RootKeyProblem`: also for a key that is not the record's."""
    offer = read_offer(settings, record, begun=begun, ask=ask)
    if record is not None:
        root = await asyncio.to_thread(offer.root, record)
        if root is None:
            raise RootKeyProblem(_wrong(offer, record))
        return Held(root, offer.source, offer.where, record.stretching)
    if offer.source is not Source.PASSPHRASE:
        return Held(offer.keys[0], offer.source, offer.where)
    stretching = Stretching(os.urandom(16))
    root = await asyncio.to_thread(root_from_passphrase, offer.passphrase, stretching)
    return Held(root, offer.source, offer.where, stretching)


def check_held(held: Held, record: RootRecord | None) -> None:
    """Raises `RootKeyProblem` when the database, looked at once more, is under another key than the one held."""
    if record is None or record.id == held.root.id:
        return
    if held.source is Source.PASSPHRASE:
        raise RootKeyProblem("another start chose the passphrase of this data at the same moment: start again")
    raise RootKeyProblem(_wrong(Offer(held.source, held.where), record))


async def begin(context: Context, held: Held) -> None:
    """Puts a database that is empty under its root key, with a key of look-ups that is drawn by chance."""
    await _put_under(context, held, DataKey.generate())


async def adopt(context: Context, held: Held) -> None:
    """Writes down, in a database from before revision 0003, which key it is under; its indexes stay valid.

    Call it when the key has shown that it opens something. Raises `DamagedData`.
    """
    for row in (await context.session.execute(select(DataKeyRow))).scalars():
        _open(held.root, row)
    await context.session.execute(update(_data_keys).values(wrapped_by=held.root.id))
    await _put_under(context, held, DataKey(os.urandom(16), held.root.first_index_secret()))


async def open_look_ups(context: Context, keyring: Keyring) -> None:
    """Reads the key of look-ups. Raises `DamagedData`."""
    statement = select(DataKeyRow).where(col(DataKeyRow.scope) == INDEX_SCOPE)
    row = (await context.session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise DamagedData("the key of look-ups")
    keyring.look_ups = IndexKey(_open(keyring.root, row).secret)


def finish_change(settings: Settings, held: Held) -> None:
    """Ends what a change of the key file began that was cut off after the database had its new key."""
    path = settings.key_path
    if held.source is not Source.FILE or not successor_of(path).exists():
        return
    with suppress(RootKeyProblem):  # a medium that cannot be written: both files stay, and the right one is found
        is_successor = load_root_key(successor_of(path)).id == held.root.id
        if is_successor and path.exists():
            install_successor(path)
        elif is_successor:
            os.replace(successor_of(path), path)


def _open(root: RootKey, row: DataKeyRow) -> DataKey:
    try:
        return unwrap(root, row)
    except (CannotOpen, ValueError) as error:
        what = "the key of look-ups" if row.scope == INDEX_SCOPE else f"the data key of {row.scope}"
        raise DamagedData(what) from error


async def _put_under(context: Context, held: Held, look_ups: DataKey) -> None:
    root, day = held.root, context.now.date()
    await write_record(context.session, RootRecord(root.id, day, held.stretching))
    row = wrapped(root, look_ups, INDEX_SCOPE, day)
    await context.session.execute(_data_keys.insert().values(**row))


def _wrong(offer: Offer, record: RootRecord) -> str:
    if offer.source is Source.PASSPHRASE:
        return f"{offer.where} is wrong: it does not open this database, which is whole; try again"
    return (
        f"the root key in {offer.where} does not open this database: it is the key of another one, or the one before "
        f"{record.since}; put back the right copy"
    )
