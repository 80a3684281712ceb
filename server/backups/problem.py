"""One kind of failure, with one line that says what happened and, where there is one, the next step."""

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError


class Problem(RuntimeError):
    """A backup, restore, migration or conversion cannot be done. Nothing was overwritten."""


@contextmanager
def told(*places: Path) -> Iterator[None]:
    """Turns what the disk and the databases raise into `Problem`, without values of rows.

    `places` are the folders into which the block writes: where the room ended is not always known more exactly.
    """
    import asyncpg  # here: every command knows `Problem`, and a server on SQLite has no use for this driver

    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Problem(f"no room is left in {_either(places)}: make some, or name another place") from error
        about = f"{error.filename}: " if error.filename else ""
        raise Problem(f"{about}{error.strerror or str(error) or type(error).__name__}") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise Problem(f"no room is left in {_either(places)}: make some, or name another place") from error
        raise Problem(f"SQLite: {error}") from error
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Problem(f"the database: {_short(error)}") from error


def _either(places: Sequence[Path]) -> str:
    return " or ".join(str(place) for place in dict.fromkeys(places)) or "the folder"


def _short(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0][:200] if str(cause) else 'no more is known'}"
