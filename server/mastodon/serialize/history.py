"""What a status said, as entities."""

from collections.abc import Sequence

from federation.context import Context
from server.mastodon.entities.status import StatusEdit
from server.mastodon.serialize.accounts import account_of, parties_of
from server.organizing.posts.records import StoredPost
from server.organizing.posts.revisions import Version


async def history_of(context: Context, post: StoredPost, versions: Sequence[Version]) -> list[StatusEdit]:
    """The versions of a post, in this order; none when its author is not known any more."""
    author = (await parties_of(context, [post.content.author])).get(post.content.author)
    if author is None:
        return []
    account = await account_of(context, author)
    return [
        StatusEdit(
            content=version.html,
            spoiler_text=version.summary or "",
            sensitive=version.sensitive,
            created_at=version.moment,
            account=account,
            poll={"options": [{"title": option} for option in version.options]} if version.options else None,
        )
        for version in versions
    ]
