"""One's own account: what it says, and how it posts."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from models import LocalActor
from server.api.access import Errand, Work, reads, runs, writes
from server.api.parameters import Given, SentFile, given
from server.api.routing import router
from server.mastodon.entities.account import CredentialAccount, Preferences
from server.mastodon.media import content_of, files_of
from server.mastodon.serialize.accounts import own_account
from server.organizing import profiles
from server.organizing.media import service as media
from server.organizing.media.pictures import Size
from server.organizing.media.records import Record
from server.organizing.media.service import BANNER_SHAPE, PICTURE_SHAPE
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
    avatar: Any = None
    header: Any = None


@routes.get("/api/v1/accounts/verify_credentials")
async def verify_credentials(work: Annotated[Work, reads("profile")]) -> CredentialAccount:
    """As whom the token speaks."""
    return await own_account(work.context, work.me)


@routes.patch("/api/v1/accounts/update_credentials")
async def update_credentials(
    errand: Annotated[Errand, runs("write:accounts")], wanted: Annotated[Credentials, given(Credentials)]
) -> CredentialAccount:
    """Changes what is given, here and wherever somebody follows."""
    picture = await _stored(errand, wanted.avatar, PICTURE_SHAPE)
    banner = await _stored(errand, wanted.header, BANNER_SHAPE)
    rows = wanted.fields_attributes
    async with errand.writing() as context:
        me = await context.session.get_one(LocalActor, errand.me.id)
        await profiles.revise(
            context,
            actor=me,
            name=wanted.display_name,
            summary=wanted.note,
            fields=[(row.name, row.value) for row in rows] if rows is not None else None,
            locked=wanted.locked,
            discoverable=wanted.discoverable,
            picture=picture,
            banner=banner,
        )
        posting = wanted.source
        if posting != Posting():
            how = {"visibility": posting.privacy, "language": posting.language}
            await choose_defaults(context, owner=me, sensitive=posting.sensitive, **how)
        return await own_account(context, me)


@routes.delete("/api/v1/profile/avatar")
async def delete_avatar(work: Annotated[Work, writes("write:accounts")]) -> CredentialAccount:
    """Takes one's picture away."""
    await profiles.take_off(work.context, actor=work.me, banner=False)
    return await own_account(work.context, work.me)


@routes.delete("/api/v1/profile/header")
async def delete_header(work: Annotated[Work, writes("write:accounts")]) -> CredentialAccount:
    """Takes the picture above one's profile away."""
    await profiles.take_off(work.context, actor=work.me, banner=True)
    return await own_account(work.context, work.me)


async def _stored(errand: Errand, file: Any, shape: Size) -> Record | None:
    if not isinstance(file, SentFile) or not file.content:  # clients send an empty one for none
        return None
    return await media.store(files_of(errand), owner=errand.me, data=content_of(file), shape=shape)


@routes.get("/api/v1/preferences")
async def show_preferences(work: Annotated[Work, reads("read:accounts")]) -> Preferences:
    """How one posts unless one says otherwise; how one reads is up to the client."""
    chosen = await defaults_of(work.context, work.me)
    return Preferences(visibility=chosen.visibility, sensitive=chosen.sensitive, language=chosen.language)
