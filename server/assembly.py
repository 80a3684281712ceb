"""Puts the pieces together, for the server and the command line alike: settings in, a federating whole out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from crypto.sealing import CannotOpen
from crypto.tokens import random_token, token_hash
from federation import follows
from federation.client import Client
from federation.context import Context
from federation.identities import NoSuchKey, make_actor, signer_for
from federation.origin import INSTANCE_ID
from federation.runtime import Federation
from models import Person, ServerSetting
from server import schema
from server.application import Groundswell
from server.config import Settings
from server.db import Database, create_engine
from server.organizing.membership import records as memberships
from server.root_key import RootKeyProblem, first_root_key, load_root_key
from server.vault import Keyring
from server.version import VERSION

BEGUN = "groundswell-data"
"""A file in the data directory that says that its root key was made."""


class CannotStart(RuntimeError):
    """Something the server needs is missing or wrong. The message says what, and the next step."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The open whole."""

    settings: Settings
    database: Database
    federation: Federation


def utc_now() -> datetime:
    """The one real clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def assemble(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, client: Client | None = None, create: bool = True
) -> AsyncIterator[Assembly]:
    """Opens everything; makes what a first start needs. With `create=False` a missing data directory is an error.

    Raises `CannotStart`, before anything was changed, when the key, the database or the domain does not fit.
    """
    keyring = _open_keyring(settings, create=create)
    engine, unhurried = create_engine(settings.sqlalchemy_url), timedelta(seconds=settings.circle_delay)
    database = Database(engine, keyring, settings.origin, clock, unhurried=unhurried)
    outbound = client or Client.create(
        trusted_networks=settings.trusted_networks,
        user_agent=f"Groundswell/{VERSION} (+{settings.origin}/)",
        insecure_http=settings.insecure_http,
    )
    federation = Federation(
        origin=settings.origin,
        application=Groundswell(settings),
        client=outbound,
        reading=database.reading,
        writing=database.writing,
        clock=clock,
    )
    try:
        await _prepare(database, settings)
        yield Assembly(settings, database, federation)
    finally:
        await outbound.aclose()
        await database.close()


def _open_keyring(settings: Settings, *, create: bool) -> Keyring:
    """The keyring under the root key. A key is made only where no data was ever begun: a lost one is not replaced."""
    begun = settings.data_dir / BEGUN
    if not begun.exists() and not create:
        raise CannotStart(f"there is nothing in {settings.data_dir}; start with: groundswell run")
    if settings.key_path.is_relative_to(settings.data_dir):
        raise CannotStart(f"the root key {settings.key_path} must not be inside the data directory")
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if begun.exists():
            return Keyring(load_root_key(settings.key_path))
        keyring = Keyring(first_root_key(settings.key_path))
        begun.write_text("This directory belongs to Groundswell; it is of no use without its root key.\n")
        return keyring
    except RootKeyProblem as problem:
        raise CannotStart(str(problem)) from problem
    except OSError as error:
        raise CannotStart(f"the data directory {settings.data_dir} cannot be used: {error.strerror}") from error


async def _prepare(database: Database, settings: Settings) -> None:
    """Of several processes that start at once, one makes what is missing, and all come to stand on it."""
    try:
        async with database.alone():
            await schema.upgrade(database.engine)
            origin = await _origin(database, settings)
            if origin != str(settings.origin):
                raise CannotStart(
                    f"this data belongs to {origin}, and the domain is set to {settings.origin}; "
                    "set GROUNDSWELL_DOMAIN back, or choose an empty GROUNDSWELL_DATA_DIR for the new domain"
                )
            async with database.reading() as context:
                await _check_keys(context)
            await complete(database)
    except schema.SchemaTooNew as error:
        raise CannotStart(str(error)) from error
    except (DBAPIError, OSError) as error:
        raise CannotStart(f"the database does not open: {type(error).__name__}") from error


async def _origin(database: Database, settings: Settings) -> str:
    """The origin that this data belongs to: ours, if it belonged to none."""
    async with database.reading() as context:
        chosen = await context.session.get(ServerSetting, "origin")
    if chosen is None:
        async with database.writing() as context:
            chosen = await _begin(context, settings)
    return chosen.value


async def complete(database: Database) -> None:
    """Fills what a revision left open because it takes the key; done in steps, and again where it was cut off."""
    for index_hosts in (follows.index_hosts, memberships.index_hosts):
        done = 1
        while done:
            async with database.writing() as context:
                done = await index_hosts(context)


async def _begin(context: Context, settings: Settings) -> ServerSetting:
    """Writes the origin down, once: ids that left the server carry it for ever. Makes the instance actor."""
    chosen = ServerSetting(name="origin", value=str(settings.origin))
    context.session.add(chosen)
    await make_actor(
        context,
        kind="Application",
        handle=settings.public_domain.partition(":")[0],
        name="Groundswell",
        locked=True,
        actor_id=INSTANCE_ID,
    )
    return chosen


async def _check_keys(context: Context) -> None:
    try:
        await signer_for(context, INSTANCE_ID)
    except (CannotOpen, NoSuchKey) as error:
        raise CannotStart("the root key does not open this database: it is the key of another one") from error


async def setup_token(context: Context) -> str | None:
    """A fresh one-time token for the setup link, None once somebody has an account. Replaces the one before."""
    anybody = await context.session.execute(select(col(Person.actor_id)).limit(1))
    if anybody.first() is not None:
        return None
    token = random_token()
    await context.session.merge(ServerSetting(name="setup_token", value=token_hash(token).hex()))
    return token
