"""What the database knows of its root key: enough to tell it from others, never enough to open anything."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Self

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from crypto.sealing import Stretching
from models import ServerSetting

NAME = "root_key"
"""The row of `server_settings`."""


class DamagedRecord(ValueError):
    """What stands in the database about its root key cannot be read."""


@dataclass(frozen=True, slots=True)
class RootRecord:
    """`id` is that of the key (`RootKey.id`), `since` the day from which it has been in use.

    `stretching` says how the key is made from a passphrase; None when the key itself is kept somewhere.
    """

    id: str
    since: date
    stretching: Stretching | None = None

    def to_json(self) -> str:
        """The form in which it is stored."""
        how = self.stretching
        stretched = how and {
            "salt": how.salt.hex(),
            "memory_kib": how.memory_kib,
            "passes": how.passes,
            "lanes": how.lanes,
        }
        return json.dumps({"id": self.id, "since": self.since.isoformat(), "argon2id": stretched})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` gave. Raises `DamagedRecord`."""
        try:
            told = json.loads(text)
            how = told["argon2id"]
            if how is not None:
                how = Stretching(bytes.fromhex(how["salt"]), how["memory_kib"], how["passes"], how["lanes"])
            return cls(str(told["id"]), date.fromisoformat(told["since"]), how)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedRecord("what the database says of its root key cannot be read") from error


async def read_record(session: AsyncSession, *, hold: bool = False, change: bool = False) -> RootRecord | None:
    """The record, None in a database that has none yet. Raises `DamagedRecord`.

    With `hold` nobody changes it before this transaction ends, with `change` nobody holds it either: a key is never
    wrapped with a root key that is just being replaced.
    """
    statement = select(col(ServerSetting.value)).where(col(ServerSetting.name) == NAME)
    if hold or change:
        statement = statement.with_for_update(read=not change)
    text = (await session.execute(statement)).scalar_one_or_none()
    return None if text is None else RootRecord.from_json(text)


async def write_record(session: AsyncSession, record: RootRecord) -> None:
    """Writes the record in place of any other."""
    await session.merge(ServerSetting(name=NAME, value=record.to_json()))
    await session.flush()
