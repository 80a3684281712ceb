"""Which of three sources the root key comes from, and the reading of it: file, passphrase, service credential.

A passphrase is read without echo from the terminal, or from a file or descriptor. Never from an argument or a variable:
both are seen by others.
"""

import getpass
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from crypto.sealing import RootKey, root_from_passphrase
from server.config import Settings
from server.custody.record import RootRecord
from server.root_key import RootKeyProblem, first_root_key, load_root_key, successor_of

CREDENTIAL = "groundswell-root-key"
"""The name under which the service manager hands the key over (`LoadCredentialEncrypted=`)."""

SHORTEST_PASSPHRASE = 16
LONGEST_PASSPHRASE = 1_024

Ask = Callable[[str, bool], str]
"""Asks for a passphrase with these words; with True twice, because it is a new one. Raises `RootKeyProblem`."""


class Source(StrEnum):
    """Where a root key comes from."""

    FILE = "file"
    PASSPHRASE = "passphrase"  # noqa: S105  (a word)
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source has to offer: keys, the likelier one first, or the passphrase to make one from."""

    source: Source
    where: str
    keys: tuple[RootKey, ...] = ()
    passphrase: str = field(default="", repr=False)

    def root(self, record: RootRecord) -> RootKey | None:
        """The key that the record speaks of, None when this source has another. Slow for a passphrase."""
        if record.stretching is not None:
            made = root_from_passphrase(self.passphrase, record.stretching) if self.passphrase else None
            return made if made is not None and made.id == record.id else None
        return next((key for key in self.keys if key.id == record.id), None)


def chosen_source(settings: Settings) -> Source | None:
    """The source that the settings name, None where they leave it to the data. Raises `RootKeyProblem` for two."""
    if "GROUNDSWELL_KEY_PASSPHRASE" in os.environ:
        raise RootKeyProblem(
            "GROUNDSWELL_KEY_PASSPHRASE is not read, as others can see the environment: unset it, and put the "
            "passphrase into a file that GROUNDSWELL_KEY_PASSPHRASE_FILE names, or type it"
        )
    given = _given(settings)
    if settings.key_source is not None:
        chosen = Source(settings.key_source)
        strays = [how for source, how in given.items() if source is not chosen]
        if strays:
            raise RootKeyProblem(
                f"GROUNDSWELL_KEY_SOURCE is {chosen}, and there is also {strays[0]}: remove one of them"
            )
        return chosen
    if len(given) > 1:
        both = " and ".join(given.values())
        raise RootKeyProblem(f"there are two sources of the root key, {both}: remove one, or nobody knows which counts")
    return next(iter(given), None)


def credential_path() -> Path | None:
    """Where the service manager put the credential, None outside of a service that has it."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / CREDENTIAL if folder else None
    return path if path is not None and path.exists() else None


def read_offer(settings: Settings, record: RootRecord | None, *, begun: bool, ask: Ask) -> Offer:
    """What the source in use has to offer; a key file is made where no data was ever begun.

    Raises `RootKeyProblem`: also where the data was put under a key of the other kind.
    """
    source = chosen_source(settings) or (Source.PASSPHRASE if record and record.stretching else Source.FILE)
    if record is not None and (record.stretching is not None) is not (source is Source.PASSPHRASE):
        raise RootKeyProblem(_other_kind(source))
    if source is Source.PASSPHRASE:
        return _passphrase(settings, ask, new=record is None)
    if source is Source.CREDENTIAL:
        path = credential_path()
        if path is None:
            raise RootKeyProblem(
                f"there is no credential {CREDENTIAL}: add LoadCredentialEncrypted={CREDENTIAL} to the service, "
                "and start it with that"
            )
        return Offer(source, f"the credential {CREDENTIAL}", (_load_credential(path),))
    path = settings.key_path
    if record is None and not begun:
        return Offer(source, f"the file {path}", (first_root_key(path),))
    return Offer(source, f"the file {path}", _keys_in(path))


def ask_on_terminal(words: str, new: bool) -> str:
    """Asks on the terminal of this process, without echo. Raises `RootKeyProblem` where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            typed = getpass.getpass(f"{words}: ")
            if new and getpass.getpass("The same again: ") != typed:
                raise RootKeyProblem("the two are not the same: nothing was changed")
    except (getpass.GetPassWarning, EOFError, OSError) as error:
        raise RootKeyProblem(
            "there is no terminal to ask for the passphrase on: set GROUNDSWELL_KEY_PASSPHRASE_FILE to a file that "
            "holds it, or to a descriptor such as /dev/fd/3"
        ) from error
    return typed


def read_passphrase_file(path: Path) -> str:
    """The passphrase in a file or descriptor, without the end of its line. Raises `RootKeyProblem`."""
    try:
        with path.open("rb") as file:
            text = file.read(4 * LONGEST_PASSPHRASE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise RootKeyProblem(f"the passphrase file {path} cannot be read: {reason}") from error
    passphrase = text.removesuffix("\n").removesuffix("\r")
    if not passphrase:
        raise RootKeyProblem(f"the passphrase file {path} is empty")
    return passphrase


def check_new_passphrase(passphrase: str) -> str:
    """The passphrase, if it may be used. Raises `RootKeyProblem`."""
    if not SHORTEST_PASSPHRASE <= len(passphrase) <= LONGEST_PASSPHRASE:
        raise RootKeyProblem(
            f"a boot passphrase has {SHORTEST_PASSPHRASE} to {LONGEST_PASSPHRASE} characters: take six words or more, "
            "drawn by chance"
        )
    return passphrase


def _given(settings: Settings) -> dict[Source, str]:
    """The sources that something outside the data speaks of, and what that is."""
    ways = {
        Source.FILE: "GROUNDSWELL_ROOT_KEY_FILE" if settings.root_key_file is not None else "",
        Source.PASSPHRASE: "GROUNDSWELL_KEY_PASSPHRASE_FILE" if settings.key_passphrase_file is not None else "",
        Source.CREDENTIAL: f"the credential {CREDENTIAL}" if credential_path() is not None else "",
    }
    return {source: how for source, how in ways.items() if how}


def _passphrase(settings: Settings, ask: Ask, *, new: bool) -> Offer:
    path = settings.key_passphrase_file
    if path is not None:
        passphrase, where = read_passphrase_file(path), f"the passphrase in {path}"
    else:
        words = "A new boot passphrase" if new else "Boot passphrase"
        passphrase, where = ask(words, new), "the passphrase"
    return Offer(Source.PASSPHRASE, where, passphrase=check_new_passphrase(passphrase) if new else passphrase)


def _load_credential(path: Path) -> RootKey:
    try:
        return load_root_key(path)
    except RootKeyProblem as problem:
        raise RootKeyProblem(
            f"the credential {CREDENTIAL} is damaged or cannot be read: encrypt the copy of the key file that you keep "
            "apart from the data again"
        ) from problem


def _keys_in(path: Path) -> tuple[RootKey, ...]:
    """The key in a file, and the one laid beside it to take its place by a change that was cut off."""
    successor = successor_of(path)
    if not successor.exists():
        return (load_root_key(path),)
    if not path.exists():
        return (load_root_key(successor),)
    try:
        return load_root_key(path), load_root_key(successor)
    except RootKeyProblem:
        return (load_root_key(path),)  # a successor that was cut off while it was written replaces nothing


def _other_kind(source: Source) -> str:
    if source is Source.PASSPHRASE:
        told, proper = "by a key, not by a passphrase", "file or credential"
    else:
        told, proper = f"by a passphrase, not by a {source}", "passphrase"
    change = f"or put the data under it with: groundswell keys rotate root --to {source}"
    return f"this data is opened {told}: set GROUNDSWELL_KEY_SOURCE to {proper}, {change}"
