"""Local pseudonymous accounts."""

from sqlmodel import Field, SQLModel


class Person(SQLModel, table=True):
    """A handle and a passphrase; no e-mail, no real name. `passphrase_hash` is Argon2id."""

    __tablename__ = "people"

    actor_id: str = Field(primary_key=True, foreign_key="local_actors.id")
    passphrase_hash: str = Field(max_length=200)
