"""When deliveries are tried again and servers left alone: rules without a clock."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from federation.schedule import (
    BREAKER_FAILURES,
    DELAYS,
    LONGEST_PAUSE,
    REST,
    Health,
    Reply,
    Verdict,
    after_round,
    judge,
    next_attempt,
)

NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
DOWN = Reply(None)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (202, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (302, Verdict.RETRY),
        (400, Verdict.REJECTED),
        (401, Verdict.RETRY),
        (403, Verdict.REJECTED),
        (404, Verdict.REJECTED),
        (408, Verdict.RETRY),
        (410, Verdict.GONE),
        (413, Verdict.REJECTED),
        (418, Verdict.REJECTED),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (501, Verdict.REJECTED),
        (503, Verdict.RETRY),
        (599, Verdict.RETRY),
        (None, Verdict.RETRY),
    ],
)
def test_what_a_status_means(status: int | None, verdict: Verdict) -> None:
    assert judge(Reply(status), attempts=1) is verdict


def test_401_is_final_the_third_time() -> None:
    assert [judge(Reply(401), attempts=n) for n in (1, 2, 3)] == [Verdict.RETRY, Verdict.RETRY, Verdict.REJECTED]


def test_attempts_come_at_the_planned_distances_with_a_quarter_of_jitter() -> None:
    random = Random(7)
    for attempts, delay in enumerate(DELAYS, start=1):
        drawn = [next_attempt(attempts, now=NOW, random=random) for _ in range(200)]
        waits = [due - NOW for due in drawn if due is not None]
        assert len(waits) == 200
        assert delay * 0.75 <= min(waits) < delay * 0.8
        assert delay * 1.2 < max(waits) <= delay * 1.25


def test_the_eleventh_failure_is_the_last() -> None:
    assert next_attempt(10, now=NOW, random=Random(1)) is not None
    assert next_attempt(11, now=NOW, random=Random(1)) is None


@pytest.mark.parametrize(("asked", "wait"), [(None, None), (0, None), (600, 600), (3_600, 3_600), (10**9, 3_600)])
def test_retry_after_is_honoured_up_to_an_hour(asked: int | None, wait: int | None) -> None:
    due = next_attempt(1, now=NOW, random=Random(1), retry_after=asked)
    assert due is not None
    if wait is None:
        assert due - NOW <= timedelta(minutes=1) * 1.25
    else:
        assert due - NOW == timedelta(seconds=wait)


def test_any_answer_that_is_no_failure_makes_a_server_healthy() -> None:
    ill = Health(failures=14, failing_since=NOW - timedelta(days=3), paused_until=NOW)
    for status in (202, 403, 410, 501):
        assert after_round(ill, [Reply(status)], now=NOW) == Health()


def test_a_slow_server_is_paused_but_not_failing() -> None:
    assert after_round(Health(), [Reply(202), Reply(429, 120)], now=NOW) == Health(
        paused_until=NOW + timedelta(seconds=120)
    )
    assert after_round(Health(), [Reply(429)], now=NOW) == Health(paused_until=NOW + REST)
    assert after_round(Health(), [Reply(429, 10**9)], now=NOW).paused_until == NOW + timedelta(hours=1)


def test_failures_count_in_a_row() -> None:
    one = after_round(Health(), [DOWN, DOWN], now=NOW)
    assert one == Health(failures=2, failing_since=NOW, paused_until=NOW + REST)
    two = after_round(one, [Reply(500)], now=NOW + timedelta(hours=1))
    assert two == Health(failures=3, failing_since=NOW)
    later = NOW + timedelta(hours=2)
    assert after_round(two, [Reply(500), Reply(202), Reply(500)], now=later) == Health(1, later)


def test_the_breaker_opens_for_half_an_hour_and_doubles_up_to_a_day() -> None:
    now, health = NOW, after_round(Health(), [DOWN] * BREAKER_FAILURES, now=NOW)
    pauses = []
    for _ in range(40):
        assert health.is_open
        assert health.paused_until is not None
        assert health.is_paused(health.paused_until - timedelta(seconds=1))
        assert not health.is_paused(health.paused_until)
        pauses.append(health.paused_until - now)
        now = health.paused_until
        health = after_round(health, [DOWN], now=now)
    assert [pause / timedelta(minutes=30) for pause in pauses[:7]] == [1, 2, 4, 8, 16, 32, 48]
    assert set(pauses[6:]) == {LONGEST_PAUSE}


def test_failures_side_by_side_skip_no_step() -> None:
    health = after_round(Health(failures=9, failing_since=NOW), [DOWN] * 4, now=NOW)
    assert health.failures == BREAKER_FAILURES
    assert health.paused_until == NOW + timedelta(minutes=30)


def test_failing_on_five_days_opens_the_breaker_too() -> None:
    seldom = Health(failures=4, failing_since=NOW - timedelta(days=4))
    assert after_round(seldom, [Reply(500)], now=NOW).is_open
    assert not after_round(seldom, [Reply(500)], now=NOW - timedelta(hours=1)).is_open


def test_nothing_tried_changes_only_what_is_over() -> None:
    assert after_round(Health(), [], now=NOW) == Health()
    assert after_round(Health(3, NOW, NOW), [], now=NOW) == Health(3, NOW, None)
