"""Every setting, from one loader, for server and command line alike: flag, then environment, then default."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from federation.origin import BadUri, Origin, normalize_host

RESERVED_SUFFIXES = ("localhost", "test", "example", "invalid")
"""Names that can never be public (RFC 2606, RFC 6761)."""

TRIAL_DOMAIN = "groundswell.invalid"
"""The domain of a server that has none yet: nothing of it can leave the machine."""


def default_data_directory() -> Path:
    """`groundswell` in the user's data directory (XDG base directories), whatever the working directory is."""
    return Path.home() / ".local" / "share" / "groundswell"


def is_reserved(domain: str) -> bool:
    """Whether a domain (with or without a port) can never be reached from the internet."""
    return domain.rpartition(":")[0 if ":" in domain else 2].rpartition(".")[2] in RESERVED_SUFFIXES


class Settings(BaseSettings):
    """What an operator may choose. Every field is documented in docs/OPERATING.md.

    Raises `pydantic.ValidationError` for values that would be unsafe, such as trusted networks on a public domain.
    """

    model_config = SettingsConfigDict(env_prefix="GROUNDSWELL_", frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=default_data_directory)
    """Database and everything else that is stored, except the root key."""
    domain: str | None = None
    """The public host name, chosen once. Without it the server is in trial mode and federates with nobody."""
    root_key_file: Path | None = None
    """The root key. Default: beside the data directory, never in it."""
    key_source: Literal["file", "passphrase", "credential"] | None = None
    """Where the root key comes from. Default: what the other settings, a credential or the data itself say."""
    key_passphrase_file: Path | None = None
    """A file or descriptor from which the boot passphrase is read, for starts that nobody attends."""
    database_url: str | None = None
    """`postgresql://…`; SQLite in the data directory when absent."""
    host: str = "127.0.0.1"
    """The address that the server listens on."""
    port: int = Field(default=8000, ge=1, le=65_535)
    worker_port: int | None = Field(default=None, ge=1, le=65_535)
    """Where a process that only works tells this machine of its health and numbers. Default: nowhere."""
    trusted_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Private networks that federation may reach, separated by commas.

    Only for tests: refused unless the domain is a reserved name.
    """
    insecure_http: bool = False
    """Federate over plain http. Only for tests: refused unless the domain is a reserved name."""
    circle_delay: int = Field(default=90, ge=0, le=120)
    """Seconds, on average, that a circle's post waits before it leaves for each server; 0 for none."""
    api_limit: int = Field(default=300, ge=1)
    """Requests of one token, or without a token of one network, to the client API in five minutes."""
    password_grant: bool = False
    """Let programs exchange a passphrase for a token. Only for tests: a program that asks for it sees it."""
    backup_dir: Path | None = None
    """Where backups are written. Default: beside the data directory."""
    backup_recipients: Annotated[tuple[str, ...], NoDecode] = ()
    """Who can open backups: public age recipients (`age1…`), separated by commas."""
    log_format: str = Field(default="text", pattern="^(text|json)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @field_validator("root_key_file", "key_passphrase_file", "key_source", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("data_dir", "root_key_file", "key_passphrase_file", "backup_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("trusted_networks", "backup_recipients", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_networks", mode="after")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("backup_recipients", mode="after")
    @classmethod
    def _recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            return ()
        from crypto.age import check_recipient  # here: most servers run without, and it brings a library of 2 MB

        return tuple(check_recipient(text) for text in value)

    @field_validator("domain", mode="after")
    @classmethod
    def _usable_domain(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        host, colon, port = value.strip().partition(":")
        try:
            host = normalize_host(host)
        except BadUri as error:
            raise ValueError(f"{value!r} is not a host name") from error
        if "." not in host and host != "localhost":
            raise ValueError(f"{value!r} is not a full host name")
        if colon and not (port.isdecimal() and is_reserved(host)):
            raise ValueError("a domain carries no port")
        return host + colon + port

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        if (self.trusted_networks or self.insecure_http) and not is_reserved(self.public_domain):
            raise ValueError("trusted_networks and insecure_http are only for reserved names such as *.test")
        return self

    def environment(self) -> dict[str, str]:
        """The settings that were chosen, as the environment variables that another process reads the same from."""
        chosen = ((name, getattr(self, name)) for name in sorted(self.model_fields_set))
        return {
            f"GROUNDSWELL_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in chosen
            if value is not None
        }

    @property
    def trial(self) -> bool:
        """Whether no domain is set yet."""
        return self.domain is None

    @property
    def public_domain(self) -> str:
        """The domain, or the one that stands for none."""
        return self.domain or TRIAL_DOMAIN

    @property
    def origin(self) -> Origin:
        """The public origin, from which all ids are made."""
        return Origin("http" if self.insecure_http else "https", self.public_domain)

    @property
    def key_path(self) -> Path:
        """Where the root key is, when it is in a file."""
        return self.root_key_file or self.data_dir.with_name(self.data_dir.name + ".key")

    @property
    def backup_folder(self) -> Path:
        """Where backups are."""
        return self.backup_dir or self.data_dir.with_name(self.data_dir.name + "-backups")

    @property
    def default_sqlite_path(self) -> Path:
        """Where a SQLite database is, if there is one."""
        return self.data_dir / "groundswell.sqlite3"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite database, None when the server is on PostgreSQL."""
        return self.default_sqlite_path if self.database_url is None else None

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it, with the asynchronous driver."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.default_sqlite_path}"
        scheme, _, rest = self.database_url.partition("://")
        if scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise ValueError("database_url must begin with postgresql://")
        return f"postgresql+asyncpg://{rest}"
