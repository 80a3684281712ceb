"""Where the root key is, what that protects from and what not, in plain words: for the first start and for `check`."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.config import Settings
from server.custody.sources import CREDENTIAL, Source, chosen_source, credential_path
from server.root_key import RootKeyProblem, former_keys, successor_of


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding about a key. `level` is ok, note or problem; `next_step` is what to do, empty where nothing is."""

    level: str
    detail: str
    next_step: str = ""


PROTECTS: dict[Source, tuple[str, str]] = {
    Source.FILE: (
        "whoever gets a copy of the data without the key file (a backup, a leaked folder) has ciphertext and its size",
        "whoever takes the disk that holds both, or the running server, reads everything that the server can read; "
        "lose the file, and nothing sealed comes back",
    ),
    Source.PASSPHRASE: (
        "seized while off, data and disk are ciphertext and its size: nothing on the machine opens them, as far as the "
        "passphrase cannot be guessed",
        "seized running, everything the server can read; after a power cut it waits until somebody types the "
        "passphrase; forget it, and nothing sealed comes back; a file that holds it is as good as the key",
    ),
    Source.CREDENTIAL: (
        "a copy of the data, or the disk alone where the credential is bound to a TPM, is ciphertext and its size; the "
        "server starts by itself",
        "whoever takes the whole machine can start it; without a TPM, what opens the credential is on the system's "
        "disk, and who has that has all; lose the machine, and only the copy that you keep apart opens the data",
    ),
}
"""What each source protects from, and what it does not, in the words of THREAT-MODEL.md."""


def promises(source: Source) -> list[str]:
    """The two sentences about a source."""
    protects, exposes = PROTECTS[source]
    return [f"protects:    {protects}", f"but not:     {exposes}"]


def examine(settings: Settings, source: Source | None = None) -> Iterator[Remark]:
    """What there is to say about where the root key is. `source` is the one in use, where that is known."""
    known = source is not None
    try:
        source = source or chosen_source(settings) or Source.FILE
    except RootKeyProblem as problem:
        yield Remark("problem", str(problem))
        return
    if source is Source.FILE:
        yield from _about_file(settings.key_path, settings.data_dir)
        yield from _about_leftovers(settings.key_path)
    elif source is Source.CREDENTIAL:
        yield from _about_credential(settings)
    else:
        yield from _about_passphrase(settings, known=known)
    if known:
        protects, exposes = PROTECTS[source]
        yield Remark("ok", f"from a {source}. Protects: {protects}. But not: {exposes}")


def _about_file(path: Path, data_dir: Path) -> Iterator[Remark]:
    if not path.exists():
        return
    yield from _about_access(path)
    if data_dir.exists() and path.stat().st_dev == data_dir.stat().st_dev:
        yield Remark(
            "note",
            f"{path} is on the same disk as the data: who takes the disk can open it",
            "encrypt the disk, set GROUNDSWELL_ROOT_KEY_FILE to a place on another one, or put the data under a boot "
            "passphrase: groundswell keys rotate root --to passphrase",
        )


def _about_access(path: Path) -> Iterator[Remark]:
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        yield Remark("problem", f"{path} can be read by others", f"chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        yield Remark(
            "problem",
            f"{path} belongs to another user, who can read it",
            f"give it to this one: chown {os.geteuid()} {path}",
        )
    folder = path.parent.stat()
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        yield Remark("problem", f"others can replace what is in {path.parent}", f"chmod go-w {path.parent}")


def _about_leftovers(path: Path) -> Iterator[Remark]:
    for former in former_keys(path):
        yield Remark(
            "note",
            f"{former} is a key from before a change: it opens copies of the data from that time",
            "delete it when you have let the old backups go, or move it to where you keep them",
        )
    if successor_of(path).exists():
        yield Remark(
            "note",
            f"{successor_of(path)} was laid there by a change that was cut off",
            "do it again: groundswell keys rotate root",
        )


def _about_credential(settings: Settings) -> Iterator[Remark]:
    if credential_path() is None:
        yield Remark(
            "problem",
            f"there is no credential {CREDENTIAL} in this environment",
            f"run this as the service does: systemd-run -p LoadCredentialEncrypted={CREDENTIAL} …",
        )
    if settings.key_path.exists():
        yield Remark(
            "note",
            f"{settings.key_path} is still there: the credential protects nothing that this file opens",
            "keep a copy apart from the machine, and delete it here",
        )


def _about_passphrase(settings: Settings, *, known: bool) -> Iterator[Remark]:
    path = settings.key_passphrase_file
    if path is not None and path.is_file():
        yield from _about_access(path)
        if settings.data_dir.exists() and path.stat().st_dev == settings.data_dir.stat().st_dev:
            yield Remark(
                "note",
                f"the passphrase is in {path}, on the same disk as the data: who takes the disk can open it",
                "type it at each start, or hand it in through a descriptor",
            )
    if known and settings.key_path.exists():
        yield Remark(
            "note",
            f"{settings.key_path} is from before the passphrase: it opens copies of the data from that time",
            "delete it when you have let the old backups go, or move it to where you keep them",
        )
