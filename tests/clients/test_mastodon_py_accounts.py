"""Mastodon.py over a real server: accounts, and everything personal about them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from mastodon import Mastodon, MastodonAPIError

from server.loopback import LoopbackServer
from tests.server.signing_in import person_on, token_for


async def off(call: Callable[[], Any]) -> Any:
    """Makes blocking calls beside the server, which runs on this loop."""
    return await asyncio.to_thread(call)


async def _client(live: LoopbackServer, client: httpx.AsyncClient, handle: str) -> Mastodon:
    await person_on(live, handle)
    token, address = await token_for(client, handle), f"http://{live.domain}"
    made: Mastodon = await off(lambda: Mastodon(access_token=token, api_base_url=address, version_check_mode="none"))
    return made


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> Mastodon:
    """Somebody signed in."""
    return await _client(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> Mastodon:
    """Somebody else."""
    return await _client(live, client, "kim")


async def test_it_changes_a_profile(robin: Mastodon) -> None:
    def story() -> None:
        changed = robin.account_update_credentials(
            display_name="Robin", note="Birds", locked=True, fields=[("Site", "https://robin.example")]
        )
        assert (changed.display_name, changed.locked, changed.fields[0].name) == ("Robin", True, "Site")
        assert robin.account_verify_credentials().source.note == "Birds"
        assert robin.preferences()["posting:default:visibility"] == "private"
        assert robin.account_lookup("robin").id == changed.id

    await off(story)


async def test_it_relates(robin: Mastodon, kim: Mastodon) -> None:
    def story() -> None:
        me, other = robin.me().id, kim.me().id
        kim.account_update_credentials(locked=True)
        assert robin.account_follow(other, reblogs=False).requested is True
        assert [one.id for one in kim.follow_requests()] == [me]
        kim.follow_request_authorize(me)
        assert robin.account_relationships([other])[0].following is True
        assert robin.account_relationships([other])[0].showing_reblogs is False
        assert [one.id for one in kim.account_followers(other)] == [me]
        assert robin.account_followers(other) == []
        assert robin.account_note_set(other, "met in March").note == "met in March"
        assert robin.account_endorse(other).endorsed is True
        assert [one.id for one in robin.endorsements()] == [other]
        assert robin.account_mute(other, duration=60).muting is True
        assert [one.id for one in robin.mutes()] == [other]
        assert robin.account_unmute(other).muting is False
        assert robin.account_familiar_followers([other])[0].accounts == []
        assert kim.account_remove_from_followers(me).followed_by is False
        robin.domain_block("far.example")
        assert list(robin.domain_blocks()) == ["far.example"]
        robin.domain_unblock("far.example")
        assert robin.account_block(other).blocking is True
        assert [one.id for one in robin.blocks()] == [other]
        with pytest.raises(MastodonAPIError):
            kim.account_follow(me)
        assert robin.account_unblock(other).blocking is False
        assert robin.account_search("kim", limit=1)[0].id == other

    await off(story)


async def test_it_sorts_and_filters(robin: Mastodon, kim: Mastodon) -> None:
    def story() -> None:
        other = kim.me().id
        robin.account_follow(other)
        made = robin.list_create("Site", exclusive=True)
        robin.list_accounts_add(made.id, [other])
        assert [one.id for one in robin.list_accounts(made.id)] == [other]
        posted = kim.status_post("Payday #flex", visibility="public")
        assert [one.id for one in robin.timeline_list(made.id)] == [posted.id]
        assert robin.timeline_home() == []
        robin.list_accounts_delete(made.id, [other])
        word = {"keyword": "payday", "whole_word": True}
        kept = robin.create_filter_v2("Money", ["home"], "warn", keywords_attributes=[word])
        assert robin.timeline_home()[0].filtered[0].filter.id == kept.id
        single = robin.add_filter_status_v2(kept.id, posted.id)
        assert [one.id for one in robin.filter_statuses_v2(kept.id)] == [single.id]
        assert [one.phrase for one in robin.filters()] == ["payday"]
        robin.delete_filter_v2(kept.id)
        robin.tag_follow("flex")
        assert [one.name for one in robin.followed_tags()] == ["flex"]
        assert str(kim.featured_tag_create("flex").statuses_count) == "1"
        assert [one.name for one in robin.account_featured_tags(other)] == ["flex"]
        robin.markers_set(["home"], [posted.id])
        assert str(robin.markers_get(["home"])["home"].last_read_id) == str(posted.id)
        report = robin.report(other, [posted.id], comment="Spam", category="spam")
        assert (report.category, report.target_account.id) == ("spam", other)
        assert [robin.trending_tags(), robin.announcements(), robin.suggestions(), robin.directory()] == [[]] * 4

    await off(story)
