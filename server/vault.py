"""Opens and seals with one data key per scope, wrapped by the root key and kept in the database."""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell, DataKey, RootKey, sealed_key_id
from federation.upserts import insert_into
from models import DataKey as DataKeyRow

_data_keys = SQLModel.metadata.tables["data_keys"]

SERVER_SCOPE = "server"
"""The scope of what belongs to no movement."""


@dataclass(slots=True)
class Keyring:
    """The root key and the data keys opened so far; shared by all units of work of a process."""

    root: RootKey
    by_scope: dict[str, DataKey] = field(default_factory=dict)
    by_id: dict[bytes, DataKey] = field(default_factory=dict)

    def add(self, scope: str, key: DataKey) -> DataKey:
        """Remembers an opened data key."""
        self.by_scope[scope] = key
        self.by_id[key.id] = key
        return key

    def forget(self, scope: str) -> None:
        """Drops a data key whose row was deleted."""
        key = self.by_scope.pop(scope, None)
        if key is not None:
            self.by_id.pop(key.id, None)


@dataclass(slots=True)
class SessionVault:
    """`federation.context.Vault` over one session; new data keys are written in its transaction.

    A key made in a transaction joins the shared keyring only through `publish`, after the commit. When a savepoint is
    rolled back, keys made so far are looked up again before they are used: their rows may be gone.
    """

    keyring: Keyring
    session: AsyncSession
    made: dict[str, DataKey] = field(default_factory=dict)
    _own: set[bytes] = field(default_factory=set)

    async def seal(self, cell: Cell, plaintext: bytes) -> bytes:
        """Encrypts with the data key of the cell's scope, made at first use."""
        key = self.made.get(cell.scope) or self.keyring.by_scope.get(cell.scope)
        while key is None:
            key = await self._load(col(DataKeyRow.scope) == cell.scope) or await self._make(cell.scope)
        return key.seal(cell, plaintext)

    async def open(self, cell: Cell, blob: bytes) -> bytes:
        """Decrypts. Raises `CannotOpen` when the cell was moved or changed, or its key is gone."""
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
        return self.keyring.root.blind_index(label, value)

    def publish(self) -> None:
        """Shares the keys made in this transaction, once it is committed."""
        for scope, key in self.made.items():
            self.keyring.add(scope, key)

    async def _load(self, condition: ColumnElement[bool]) -> DataKey | None:
        row = (await self.session.execute(select(DataKeyRow).where(condition))).scalar_one_or_none()
        if row is None:
            return None
        key = self.keyring.root.unwrap(bytes.fromhex(row.id), row.wrapped, row.scope)
        if key.id not in self._own:
            return self.keyring.add(row.scope, key)
        self.made[row.scope] = key
        return key

    async def _make(self, scope: str) -> DataKey | None:
        """A new key; None when another transaction made one at the same time, and was committed first."""
        key = DataKey.generate()
        row = insert_into(self, _data_keys).values(
            id=key.id.hex(), scope=scope, wrapped=self.keyring.root.wrap(key, scope)
        )
        inserted = row.on_conflict_do_nothing(index_elements=["scope"]).returning(_data_keys.c.id)
        if (await self.session.execute(inserted)).first() is None:
            return None
        if not self._own:
            event.listen(self.session.sync_session, "after_soft_rollback", lambda *_: self.made.clear())
        self._own.add(key.id)
        self.made[scope] = key
        return key
