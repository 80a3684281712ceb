"""THE TABLE: (verb, object type) → handler. What an activity of another server means here, all in one place."""

from federation.table import ANY, Handler, Row, Table
from federation.vocabulary.objects import KINDS
from server.organizing.following.inbox import (
    handle_accept_follow,
    handle_block_actor,
    handle_follow_group,
    handle_follow_person,
    handle_reject_follow,
    handle_undo_follow,
)
from server.organizing.membership.inbox import (
    handle_accept_invite,
    handle_accept_join,
    handle_add_member,
    handle_invite_person,
    handle_join_group,
    handle_leave_group,
    handle_reject_invite,
    handle_reject_join,
    handle_remove_member,
    handle_undo_join,
    handle_update_member,
)
from server.organizing.moderation.inbox import handle_flag_actor
from server.organizing.people.inbox import handle_delete_actor, handle_move_actor, handle_update_actor
from server.organizing.posts.inbox import (
    handle_create_note,
    handle_delete_object,
    handle_update_note,
)
from server.organizing.posts.pins import handle_add_object, handle_remove_object
from server.organizing.posts.polls_inbox import handle_create_vote
from server.organizing.posts.reactions_inbox import (
    handle_announce_object,
    handle_dislike_object,
    handle_like_object,
    handle_undo_announce,
    handle_undo_like,
)

ACTORS = ("Application", "Group", "Organization", "Person", "Service")


def _each(verb: str, object_types: tuple[str, ...], handler: Handler) -> tuple[Row, ...]:
    return tuple((verb, object_type, handler) for object_type in object_types)


TABLE = Table(
    (
        # Following, and joining a circle by a follow request.
        ("Follow", "Group", handle_follow_group),
        ("Follow", "Person", handle_follow_person),
        ("Accept", "Follow", handle_accept_follow),
        ("Reject", "Follow", handle_reject_follow),
        ("Undo", "Follow", handle_undo_follow),
        ("Block", ANY, handle_block_actor),
        # Membership in the words of Mobilizon.
        ("Join", "Group", handle_join_group),
        ("Leave", "Group", handle_leave_group),
        ("Undo", "Join", handle_undo_join),
        ("Accept", "Join", handle_accept_join),
        ("Reject", "Join", handle_reject_join),
        ("Invite", ANY, handle_invite_person),
        ("Accept", "Invite", handle_accept_invite),
        ("Reject", "Invite", handle_reject_invite),
        ("Add", "Member", handle_add_member),
        ("Update", "Member", handle_update_member),
        ("Remove", "Member", handle_remove_member),
        *_each("Remove", ACTORS, handle_remove_member),
        # Actors elsewhere.
        *_each("Update", ACTORS, handle_update_actor),
        *_each("Delete", ACTORS, handle_delete_actor),
        *_each("Move", ACTORS, handle_move_actor),
        # Posts, whatever their type is called.
        *_each("Create", tuple(sorted(KINDS)), handle_create_note),
        ("Create", "Vote", handle_create_vote),
        *_each("Update", tuple(sorted(KINDS)), handle_update_note),
        ("Delete", ANY, handle_delete_object),
        ("Announce", ANY, handle_announce_object),
        ("Undo", "Announce", handle_undo_announce),
        ("Like", ANY, handle_like_object),
        ("EmojiReact", ANY, handle_like_object),
        ("Dislike", ANY, handle_dislike_object),
        ("Undo", "Like", handle_undo_like),
        ("Undo", "EmojiReact", handle_undo_like),
        # Pins, and reports.
        ("Add", ANY, handle_add_object),
        ("Remove", ANY, handle_remove_object),
        ("Flag", ANY, handle_flag_actor),
    )
)
