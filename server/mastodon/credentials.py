"""One's own account: what it says, and how it posts."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator

from server.api.access import Work, reads, writes
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import CredentialAccount, Preferences
from server.mastodon.serialize.accounts import own_account
from server.organizing import profiles
from server.organizing.personal.defaults import choose_defaults, defaults_of

routes = router()

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Row(BaseModel):
    """A row of a profile."""

    name: Text = ""
    value: Text = ""


class Posting(BaseModel):
    """How to post from now on."""

    privacy: str | None = None
    sensitive: bool | None = None
    language: str | None = None


class Credentials(Given):
    """What to change. Nobody here is a bot, and collections are always hidden: such wishes change nothing."""

    display_name: str | None = None
    note: str | None = None
    locked: bool | None = None
    discoverable: bool | None = None
    fields_attributes: list[Row] | None = None
    source: Posting = Posting()


@routes.get("/api/v1/accounts/verify_credentials")
async def verify_credentials(work: Annotated[Work, reads("profile")]) -> CredentialAccount:
    """As whom the token speaks."""
    return await own_account(work.context, work.me)


@routes.patch("/api/v1/accounts/update_credentials")
async def update_credentials(
    work: Annotated[Work, writes("write:accounts")], wanted: Annotated[Credentials, given(Credentials)]
) -> CredentialAccount:
    """Changes what is given, here and wherever somebody follows."""
    rows = wanted.fields_attributes
    await profiles.revise(
        work.context,
        actor=work.me,
        name=wanted.display_name,
        summary=wanted.note,
        fields=[(row.name, row.value) for row in rows] if rows is not None else None,
        locked=wanted.locked,
        discoverable=wanted.discoverable,
    )
    if wanted.source != Posting():
        await choose_defaults(
            work.context,
            owner=work.me,
            visibility=wanted.source.privacy,
            sensitive=wanted.source.sensitive,
            language=wanted.source.language,
        )
    return await own_account(work.context, work.me)


@routes.get("/api/v1/preferences")
async def show_preferences(work: Annotated[Work, reads("read:accounts")]) -> Preferences:
    """How one posts unless one says otherwise; how one reads is up to the client."""
    chosen = await defaults_of(work.context, work.me)
    return Preferences(visibility=chosen.visibility, sensitive=chosen.sensitive, language=chosen.language)
