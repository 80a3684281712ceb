"""Changes data keys: a new one for what is sealed from now on, the old one for what was. Counts who needs which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select, update
from sqlmodel import SQLModel, col

from crypto.sealing import DataKey
from federation.context import Context
from models import DataKey as DataKeyRow
from server.vault import INDEX_SCOPE, Keyring, require_root, wrapped

_data_keys = SQLModel.metadata.tables["data_keys"]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped key, without what is wrapped. `retired_on` is None for the current one of its scope."""

    id: bytes
    scope: str
    made_on: date
    retired_on: date | None


async def keys_of(context: Context) -> list[KeyRow]:
    """All wrapped keys, by scope and age, the key of look-ups among them."""
    columns = (_data_keys.c.id, _data_keys.c.scope, _data_keys.c.made_on, _data_keys.c.retired_on)
    statement = select(*columns).order_by(_data_keys.c.scope, _data_keys.c.made_on, _data_keys.c.id)
    rows = (await context.session.execute(statement)).all()
    return [KeyRow(bytes.fromhex(row.id), row.scope, row.made_on, row.retired_on) for row in rows]


async def change_data_keys(context: Context, keyring: Keyring, scope: str | None = None) -> list[str]:
    """Retires the current data key of a scope, or of all, and makes new ones; the scopes that have one now.

    Other processes seal with the old key for a minute more. Raises `StaleRootKey`.
    """
    await require_root(context.session, keyring.root)
    changed = [
        key.scope
        for key in await keys_of(context)
        if key.retired_on is None and key.scope != INDEX_SCOPE and scope in (None, key.scope)
    ]
    today = context.now.date()
    for each in changed:
        current = (_data_keys.c.scope == each) & _data_keys.c.retired_on.is_(None)
        await context.session.execute(update(_data_keys).where(current).values(retired_on=today))
        row = wrapped(keyring.root, DataKey.generate(), each, today)
        await context.session.execute(insert(_data_keys).values(**row))
        keyring.look_again(each)
    return changed


async def drop_keys(context: Context, keys: Sequence[KeyRow]) -> None:
    """Deletes retired keys that nothing is sealed with any more, from the write-ahead log too."""
    ids = [key.id.hex() for key in keys]
    unused = col(DataKeyRow.id).in_(ids) & col(DataKeyRow.retired_on).is_not(None)
    await context.session.execute(delete(DataKeyRow).where(unused))
    context.wake("log")
