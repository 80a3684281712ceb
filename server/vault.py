"""Opens and seals with the current data key of a scope, wrapped by the root key and kept in the database."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, event, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell, DataKey, IndexKey, RootKey, sealed_key_id
from federation.upserts import insert_into
from models import DataKey as DataKeyRow
from server.custody.record import read_record

_data_keys = SQLModel.metadata.tables["data_keys"]

SERVER_SCOPE = "server"
"""The scope of what belongs to no movement."""

INDEX_SCOPE = "index"
"""The scope of the key of look-ups, which seals nothing."""

FRESH = 60.0
"""Seconds for which a data key counts as current without a look: another process may have replaced it."""


class StaleRootKey(RuntimeError):
    """The root key was changed while this process ran with the one before. Nothing is lost; start it again."""

    def __init__(self) -> None:
        super().__init__("the root key was changed while this process ran; start it again")


@dataclass(slots=True)
class Keyring:
    """The root key and the keys opened so far; shared by all units of work of a process.

    `look_ups` is made from the root key, as before it was a key by itself, until it was read from the database.
    """

    root: RootKey
    by_scope: dict[str, DataKey] = field(default_factory=dict)
    by_id: dict[bytes, DataKey] = field(default_factory=dict)
    look_ups: IndexKey = field(init=False)
    monotonic: Callable[[], float] = time.monotonic
    _seen: dict[str, float] = field(default_factory=dict)
    _ids: dict[str, set[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.look_ups = IndexKey(self.root.first_index_secret())

    def current(self, scope: str) -> DataKey | None:
        """The data key that was current in the last minute."""
        fresh = scope in self._seen and self.monotonic() - self._seen[scope] < FRESH
        return self.by_scope.get(scope) if fresh else None

    def add(self, scope: str, key: DataKey, *, current: bool = True) -> DataKey:
        """Remembers an opened data key, which seals from now on if it is the current one."""
        self.by_id[key.id] = key
        self._ids.setdefault(scope, set()).add(key.id)
        if current:
            self.by_scope[scope] = key
            self._seen[scope] = self.monotonic()
        return key

    def look_again(self, scope: str) -> None:
        """Has the current key of a scope looked up before it seals again."""
        self._seen.pop(scope, None)

    def forget(self, scope: str) -> None:
        """Drops the data keys of a scope whose rows were deleted."""
        self.by_scope.pop(scope, None)
        for key_id in self._ids.pop(scope, set()):
            self.by_id.pop(key_id, None)


@dataclass(slots=True)
class SessionVault:
    """`federation.context.Vault` over one session; new data keys are written in its transaction.

    A key made in a transaction joins the shared keyring only through `publish`, after the commit. When a savepoint is
    rolled back, keys made so far are looked up again before they are used: their rows may be gone.
    """

    keyring: Keyring
    session: AsyncSession
    today: date
    made: dict[str, DataKey] = field(default_factory=dict)
    _own: set[bytes] = field(default_factory=set)

    async def seal(self, cell: Cell, plaintext: bytes) -> bytes:
        """Encrypts with the data key of the cell's scope, made at first use. Raises `StaleRootKey`."""
        key = self.made.get(cell.scope) or self.keyring.current(cell.scope)
        while key is None:
            is_current = (col(DataKeyRow.scope) == cell.scope) & col(DataKeyRow.retired_on).is_(None)
            key = await self._load(is_current) or await self._make(cell.scope)
        return key.seal(cell, plaintext)

    async def open(self, cell: Cell, blob: bytes) -> bytes:
        """Decrypts. Raises `CannotOpen` when the cell was moved or changed, or its key is gone; `StaleRootKey`."""
        key_id = sealed_key_id(blob)
        key = self.keyring.by_id.get(key_id)
        if key is None:
            key = next((made for made in self.made.values() if made.id == key_id), None)
        if key is None:
            key = await self._load(col(DataKeyRow.id) == key_id.hex())
        if key is None:
            raise CannotOpen("the data key is gone")
        return key.open(cell, blob)

    def index(self, label: str, value: str) -> bytes:
        """The blind index of a value under a label."""
        return self.keyring.look_ups.blind_index(label, value)

    def publish(self) -> None:
        """Shares the keys made in this transaction, once it is committed."""
        for scope, key in self.made.items():
            self.keyring.add(scope, key)

    async def _load(self, condition: ColumnElement[bool]) -> DataKey | None:
        row = (await self.session.execute(select(DataKeyRow).where(condition))).scalar_one_or_none()
        if row is None:
            return None
        key = self.keyring.by_id.get(bytes.fromhex(row.id)) or unwrap(self.keyring.root, row)
        if key.id not in self._own:
            return self.keyring.add(row.scope, key, current=row.retired_on is None)
        self.made[row.scope] = key
        return key

    async def _make(self, scope: str) -> DataKey | None:
        """A new key; None when another transaction made one at the same time, and was committed first."""
        await require_root(self.session, self.keyring.root)
        key = DataKey.generate()
        row = insert_into(self, _data_keys).values(**wrapped(self.keyring.root, key, scope, self.today))
        nobody_else = row.on_conflict_do_nothing(index_elements=["scope"], index_where=text("retired_on IS NULL"))
        if (await self.session.execute(nobody_else.returning(_data_keys.c.id))).first() is None:
            return None
        if not self._own:
            event.listen(self.session.sync_session, "after_soft_rollback", lambda *_: self.made.clear())
        self._own.add(key.id)
        self.made[scope] = key
        return key


async def require_root(session: AsyncSession, root: RootKey) -> None:
    """Raises `StaleRootKey` unless this is the database's root key, as it then stays for the transaction."""
    record = await read_record(session, hold=True)
    if record is not None and record.id != root.id:
        raise StaleRootKey


def wrapped(root: RootKey, key: DataKey, scope: str, day: date) -> dict[str, object]:
    """The row of a key made on a day."""
    return {
        "id": key.id.hex(),
        "scope": scope,
        "wrapped": root.wrap(key, scope),
        "wrapped_by": root.id,
        "made_on": day,
    }


def unwrap(root: RootKey, row: DataKeyRow) -> DataKey:
    """The key of a row. Raises `StaleRootKey` when another root key wrapped it, `CannotOpen` when it is damaged."""
    try:
        return root.unwrap(bytes.fromhex(row.id), row.wrapped, row.scope)
    except CannotOpen as error:
        if row.wrapped_by not in ("", root.id):
            raise StaleRootKey from error
        raise
