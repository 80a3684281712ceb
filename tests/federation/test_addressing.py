"""From recipients to inboxes: each once, in an order that tells nothing, and never on a stranger's host."""

from random import Random

from federation.addressing import Recipient, personal_inboxes, shared_inboxes

SHARED = "https://alpha.test/inbox"


def recipient(host: str, name: object, shared: str | None = None) -> Recipient:
    return Recipient(f"https://{host}/users/{name}", f"https://{host}/users/{name}/inbox", shared)


def test_recipients_of_a_server_share_its_inbox() -> None:
    people = [recipient("alpha.test", n, SHARED) for n in range(3)] + [recipient("beta.test", n) for n in range(2)]
    assert sorted(shared_inboxes(people, random=Random(1))) == [
        SHARED,
        "https://beta.test/users/0/inbox",
        "https://beta.test/users/1/inbox",
    ]


def test_personal_inboxes_are_used_where_only_persons_are_meant() -> None:
    people = [recipient("alpha.test", n, SHARED) for n in (1, 2, 1)]
    assert sorted(personal_inboxes(people, random=Random(1))) == [
        "https://alpha.test/users/1/inbox",
        "https://alpha.test/users/2/inbox",
    ]


def test_a_shared_inbox_elsewhere_is_ignored() -> None:
    for strange in (
        "https://victim.test/inbox",
        "https://alpha.test:8443/inbox",
        "https://alpha.test.evil.test/inbox",
        "https://alpha.test@evil.test/inbox",
        "not a URI",
        "",
    ):
        assert shared_inboxes([recipient("alpha.test", 1, strange)]) == ["https://alpha.test/users/1/inbox"]


def test_the_spelling_of_the_host_does_not_matter() -> None:
    assert shared_inboxes([recipient("alpha.test", 1, "https://ALPHA.test:443/inbox")]) == [
        "https://ALPHA.test:443/inbox"
    ]


def test_the_order_is_drawn() -> None:
    people = [recipient(f"{n}.test", n) for n in range(50)]
    straight = [person.inbox for person in people]
    one, two = personal_inboxes(people, random=Random(1)), personal_inboxes(people, random=Random(2))
    assert sorted(one) == sorted(two) == sorted(straight)
    assert len({tuple(one), tuple(two), tuple(straight)}) == 3
    assert personal_inboxes(people) != straight
