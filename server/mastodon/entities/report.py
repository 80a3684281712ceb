"""Reports to whoever runs the server."""

from server.mastodon.entities.account import Account
from server.mastodon.entities.base import Entity, Moment


class Report(Entity):
    """What was reported. What becomes of it is told to nobody."""

    id: str
    action_taken: bool = False
    action_taken_at: Moment | None = None
    category: str
    comment: str
    forwarded: bool
    created_at: Moment
    status_ids: list[str] = []
    rule_ids: list[str] = []
    target_account: Account
