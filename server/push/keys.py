"""The key by which push services know this server: made once, kept sealed, shown by its public half alone."""

from sqlalchemy import select
from sqlmodel import SQLModel, col

from crypto.sealing import Cell
from crypto.web_push import ServerKey
from federation.context import Context
from federation.upserts import insert_into
from models import VapidKey
from server.vault import SERVER_SCOPE

_CURRENT = "current"
_keys = SQLModel.metadata.tables[str(VapidKey.__tablename__)]
_CELL = Cell("vapid_keys", "sealed_key", _CURRENT, SERVER_SCOPE)


async def make(context: Context) -> None:
    """Makes the key where there is none. A new one would silence every subscription there is."""
    if await context.session.get(VapidKey, _CURRENT) is not None:
        return
    key = ServerKey.generate()
    sealed = await context.vault.seal(_CELL, key.to_bytes())
    row = insert_into(context, _keys).values(id=_CURRENT, public_key=key.public_text, sealed_key=sealed)
    await context.session.execute(row.on_conflict_do_nothing(index_elements=["id"]))


async def public_key(context: Context) -> str:
    """What programs subscribe with."""
    found = await context.session.execute(select(col(VapidKey.public_key)).where(col(VapidKey.id) == _CURRENT))
    return found.scalar_one_or_none() or ""


async def private_key(context: Context) -> ServerKey:
    """What messages are signed with. Raises `LookupError` before it was made."""
    row = await context.session.get(VapidKey, _CURRENT)
    if row is None:
        raise LookupError("there is no key for pushes yet")
    return ServerKey.from_bytes(await context.vault.open(_CELL, row.sealed_key))
