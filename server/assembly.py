"""Puts the pieces together, for the server and the command line alike: settings in, a federating whole out."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from crypto.sealing import CannotOpen
from crypto.tokens import random_token, token_hash
from federation.client import Client
from federation.context import Context
from federation.gate import Lookup
from federation.identities import Keypairs, NoSuchKey, make_actor, make_keypairs, signer_for
from federation.origin import INSTANCE_ID
from federation.runtime import Federation
from models import Person, ServerSetting
from server import schema
from server.application import Groundswell
from server.backups.migrating import Tell, bring_up_to_date, tell_on_terminal
from server.backups.problem import Problem
from server.completing import complete
from server.config import Settings
from server.custody.occupancy import Occupancy, Occupied, occupied, only_server
from server.custody.opening import DamagedData, Held, adopt, begin, check_held, finish_change, hold, open_look_ups, peek
from server.custody.record import DamagedRecord, read_record
from server.custody.sources import Ask, ask_on_terminal
from server.db import Database, alone, create_engine
from server.push import keys as push_keys
from server.root_key import BEGUN, RootKeyProblem
from server.vault import Keyring, StaleRootKey
from server.version import VERSION

Taken = TypeVar("Taken")


class CannotStart(RuntimeError):
    """Something the server needs is missing or wrong. The message says what, and the next step."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The open whole. `held` is the root key with its source, `occupancy` this process's share in the directory."""

    settings: Settings
    database: Database
    federation: Federation
    held: Held
    occupancy: Occupancy


def utc_now() -> datetime:
    """The one real clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def assemble(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    client: Client | None = None,
    create: bool = True,
    sole: bool = False,
    held: Held | None = None,
    ask: Ask = ask_on_terminal,
    tell: Tell = tell_on_terminal,
) -> AsyncIterator[Assembly]:
    """Opens everything; makes what a first start needs. With `create=False` a missing data directory is an error.

    With `sole` nobody else on this machine may have the data open. `held` is the root key where this process has read
    it already, `ask` asks for a passphrase where one is needed, and `tell` is told what is done to an older schema.
    Raises `CannotStart`, before anything was changed, when the key, the database or the domain does not fit, or no
    backup can be made where one comes first.
    """
    with _share(settings, create=create, sole=sole) as occupancy:
        engine = create_engine(settings.sqlalchemy_url)
        held = held or await _hold(settings, engine, ask)
        unhurried = timedelta(seconds=settings.circle_delay)
        database = Database(engine, Keyring(held.root), settings.origin, clock, unhurried=unhurried)
        outbound = client or client_of(settings)
        federation = Federation(
            origin=settings.origin,
            application=Groundswell(settings),
            client=outbound,
            reading=database.reading,
            writing=database.writing,
            clock=clock,
        )
        try:
            with _said_clearly():
                await _prepare(database, settings, held, tell)
            yield Assembly(settings, database, federation, held, occupancy)
        finally:
            await outbound.aclose()
            await database.close()


def client_of(settings: Settings, *, lookup: Lookup | None = None, tls: ssl.SSLContext | None = None) -> Client:
    """The client with which this server talks to others; `lookup` and `tls` as in `Client.create`."""
    return Client.create(
        trusted_networks=settings.trusted_networks,
        user_agent=f"Groundswell/{VERSION} (+{settings.origin}/)",
        insecure_http=settings.insecure_http,
        lookup=lookup,
        tls=tls,
    )


@contextmanager
def place_of_server(settings: Settings) -> Iterator[None]:
    """Makes this process the one server of a SQLite data directory, for the block; on PostgreSQL there may be more.

    Raises `CannotStart` where another has the place, before anything was changed.
    """
    if settings.sqlite_path is None:
        yield
        return
    taken = f"a server runs with {settings.data_dir} already, and with SQLite there is one; commands work beside it"
    with _taken(settings, only_server(settings.data_dir), refusal=taken):
        yield


@contextmanager
def _share(settings: Settings, *, create: bool, sole: bool) -> Iterator[Occupancy]:
    """A share in the data directory, made at a first start."""
    if not (settings.data_dir / BEGUN).exists() and not create:
        raise CannotStart(f"there is nothing in {settings.data_dir}; start with: groundswell run")
    refusal = "the root key is being changed at this moment: try again"
    if sole:
        refusal = "the server or another command has this data open: stop it first, as it would go on with the old key"
    with _taken(settings, occupied(settings.data_dir, sole=sole), refusal=refusal) as occupancy:
        yield occupancy


@contextmanager
def _taken(settings: Settings, place: AbstractContextManager[Taken], *, refusal: str) -> Iterator[Taken]:
    """A place in the data directory, which is made where it is missing; `refusal` is said when it is not free."""
    folder, passphrase = settings.data_dir, settings.key_passphrase_file
    if settings.key_path.is_relative_to(folder):
        raise CannotStart(f"the root key {settings.key_path} must not be inside the data directory")
    if passphrase is not None and passphrase.is_relative_to(folder):
        raise CannotStart(f"the passphrase file {passphrase} must not be inside the data directory")
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            taken = stack.enter_context(place)
        except Occupied as error:
            raise CannotStart(refusal) from error
        except OSError as error:
            raise CannotStart(f"the data directory {folder} cannot be used: {error.strerror}") from error
        yield taken


async def _hold(settings: Settings, engine: AsyncEngine, ask: Ask) -> Held:
    """The root key. A key is made only where no data was ever begun: a lost one is not replaced."""
    begun = settings.data_dir / BEGUN
    try:
        with _said_clearly():
            held = await hold(settings, await peek(engine), begun=begun.exists(), ask=ask)
    except CannotStart:
        await engine.dispose()
        raise
    try:
        if not begun.exists():
            begun.write_text("This directory belongs to Groundswell; it is of no use without its root key.\n")
    except OSError as error:
        raise CannotStart(f"the data directory {settings.data_dir} cannot be used: {error.strerror}") from error
    return held


@contextmanager
def _said_clearly() -> Iterator[None]:
    """What can be wrong with key or database, in one line."""
    try:
        yield
    except (RootKeyProblem, DamagedData, DamagedRecord, StaleRootKey, schema.SchemaTooNew, Problem) as error:
        raise CannotStart(str(error)) from error
    except (DBAPIError, OSError) as error:
        raise CannotStart(f"the database does not open: {type(error).__name__}") from error


async def _prepare(database: Database, settings: Settings, held: Held, tell: Tell) -> None:
    """Of several processes that start at once, one makes what is missing, and all come to stand on it."""
    async with alone(database.engine):
        await bring_up_to_date(database.engine, settings, now=database.clock(), tell=tell)
        async with database.reading() as context:
            record = await read_record(context.session)
            check_held(held, record)
            chosen = await context.session.get(ServerSetting, "origin")
        if chosen is None:
            keypairs = await make_keypairs()
            async with database.writing() as context:
                chosen = await _begin(context, settings, keypairs)
                await begin(context, held)
        elif chosen.value == str(settings.origin) and record is None:
            async with database.writing() as context:
                await _check_keys(context, known=False)
                await adopt(context, held)
        if chosen.value != str(settings.origin):
            raise CannotStart(
                f"this data belongs to {chosen.value}, and the domain is set to {settings.origin}; "
                "set GROUNDSWELL_DOMAIN back, or choose an empty GROUNDSWELL_DATA_DIR for the new domain"
            )
        async with database.reading() as context:
            await open_look_ups(context, database.keyring)
            await _check_keys(context)
        async with database.writing() as context:
            await push_keys.make(context)
        await complete(database)
        finish_change(settings, held)


async def _begin(context: Context, settings: Settings, keypairs: Keypairs) -> ServerSetting:
    """Writes the origin down, once: ids that left the server carry it for ever. Makes the instance actor."""
    chosen = ServerSetting(name="origin", value=str(settings.origin))
    context.session.add(chosen)
    await make_actor(
        context,
        kind="Application",
        handle=settings.public_domain.partition(":")[0],
        keypairs=keypairs,
        name="Groundswell",
        locked=True,
        actor_id=INSTANCE_ID,
    )
    return chosen


async def _check_keys(context: Context, *, known: bool = True) -> None:
    """Whether the instance's own key opens; if not, the data is damaged where the root key is `known` to be right."""
    try:
        await signer_for(context, INSTANCE_ID)
    except (CannotOpen, NoSuchKey) as error:
        if known:
            raise DamagedData("the key with which this server signs") from error
        raise RootKeyProblem("the root key does not open this database: it is the key of another one") from error


async def setup_token(context: Context) -> str | None:
    """A fresh one-time token for the setup link, None once somebody has an account. Replaces the one before."""
    anybody = await context.session.execute(select(col(Person.actor_id)).limit(1))
    if anybody.first() is not None:
        return None
    token = random_token()
    await context.session.merge(ServerSetting(name="setup_token", value=token_hash(token).hex()))
    return token
