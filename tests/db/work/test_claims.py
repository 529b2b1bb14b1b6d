from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from db.tables.audit import EventRow
from db.work.claims import (
    claim_batch,
    release_claims,
    renew_leases,
    seconds_until_next_claim,
    sweep_expired_leases,
)
from pipeline.codes import EventKind, InstanceState, Lane
from tests.db.site import LEASE, NEGATIVE, POSITIVE, Site, digest, make_instance


def _receive(site: Site, count: int, lane: Lane = Lane.URGENT, prefix: str = "") -> None:
    site.receive_many([make_instance(f"{prefix}{n}", study=f"{n}") for n in range(count)], lane)


def test_a_claimed_instance_is_not_claimed_again(site: Site) -> None:
    _receive(site, 3)
    assert len(site.claim(limit=2)) == 2
    assert len(site.claim(limit=2)) == 1
    assert site.claim() == []


def test_the_oldest_is_claimed_first(site: Site) -> None:
    for n in range(4):
        site.receive(make_instance(str(n)))
    assert [claim.sha256 for claim in site.claim(limit=3)] == [digest(str(n)) for n in range(3)]


def test_urgent_comes_before_backfill(site: Site) -> None:
    _receive(site, 2, Lane.BACKFILL, "old")
    _receive(site, 2, Lane.URGENT, "new")
    first, then = ({claim.sha256 for claim in site.claim(limit=2)} for _ in range(2))
    assert first == {digest("new0"), digest("new1")}
    assert then == {digest("old0"), digest("old1")}


def test_a_batch_is_of_one_lane(site: Site) -> None:
    _receive(site, 2, Lane.BACKFILL, "old")
    _receive(site, 1, Lane.URGENT, "new")
    assert [[claim.lane for claim in site.claim()] for _ in range(2)] == [
        [Lane.URGENT],
        [Lane.BACKFILL] * 2,
    ]


def test_what_came_to_nothing_is_claimed_alone_and_in_its_turn(site: Site) -> None:
    _receive(site, 5)
    early, *_ = site.claim(limit=3)
    site.wait(LEASE.total_seconds())
    batches = []
    while batch := site.claim(limit=10):
        batches.append([claim.attempts for claim in batch])
    assert batches == [[2], [2], [2], [1, 1]]
    assert early.attempts == 1


def test_a_retry_waits_until_its_worker_holds_nothing_else(site: Site) -> None:
    _receive(site, 1)
    site.claim()
    site.wait(LEASE.total_seconds())
    _receive(site, 2, Lane.BACKFILL, "old")

    def claim(*, holding: bool) -> list[int]:
        with site.writing() as session:
            batch = claim_batch(session, limit=9, lease=LEASE, now=site.now, holding=holding)
        return [claim.attempts for claim in batch]

    assert claim(holding=True) == []  # nor anything after it, or its turn would never come
    assert claim(holding=False) == [2]
    assert claim(holding=True) == [1, 1]


def test_attempts_are_counted_at_the_claim(site: Site) -> None:
    _receive(site, 1)
    for attempt in (1, 2, 3):
        (claim,) = site.claim()
        assert claim.attempts == attempt
        site.defer(claim, seconds=0)


def test_a_deferred_instance_waits_for_its_time(site: Site) -> None:
    _receive(site, 1)
    (claim,) = site.claim()
    site.defer(claim, seconds=30)
    assert site.state("0") is InstanceState.REGISTERED
    site.wait(29)
    assert site.claim() == []
    site.wait(1)
    assert len(site.claim()) == 1


def test_a_new_instance_is_claimable_even_when_the_clock_was_set_back(site: Site) -> None:
    _receive(site, 1)
    site.wait(-86_400)
    assert len(site.claim()) == 1


def test_an_expired_lease_is_claimable_and_its_outcome_refused(site: Site) -> None:
    _receive(site, 1)
    (slow,) = site.claim()
    site.wait(LEASE.total_seconds())
    (fast,) = site.claim()
    assert site.screen(fast, NEGATIVE) == 1
    assert site.screen(slow, POSITIVE) == 0
    assert site.study("0").probability == NEGATIVE


def test_a_renewed_lease_holds_longer(site: Site) -> None:
    _receive(site, 1)
    claims = site.claim()
    site.wait(200)
    with site.writing() as session:
        assert renew_leases(session, claims, lease=LEASE, now=site.now) == 1
    site.wait(200)
    assert site.claim() == []
    assert site.screen(claims[0], NEGATIVE) == 1


def test_a_lost_lease_is_not_renewed(site: Site) -> None:
    _receive(site, 1)
    stale = site.claim()
    site.wait(LEASE.total_seconds())
    (fresh,) = site.claim()
    with site.writing() as session:
        assert renew_leases(session, stale, lease=10 * LEASE, now=site.now) == 0
    assert site.screen(fresh, NEGATIVE) == 1


def test_what_is_handed_back_is_claimable_at_once_and_has_lost_no_attempt(site: Site) -> None:
    _receive(site, 2)
    claims = site.claim()
    with site.writing() as session:
        assert release_claims(session, claims, site.now) == 2
    assert [claim.attempts for claim in site.claim()] == [1, 1]
    assert site.screen(claims[0], NEGATIVE) == 0


def test_sweeping_puts_expired_claims_back_and_leaves_the_others(site: Site) -> None:
    _receive(site, 2)
    site.claim(limit=1)
    site.wait(200)
    site.claim(limit=1)
    site.wait(LEASE.total_seconds() - 200)
    with site.writing() as session:
        assert sweep_expired_leases(session, site.now) == 1
        assert sweep_expired_leases(session, site.now) == 0
    assert Counter(site.states().values()) == {
        InstanceState.REGISTERED: 1,
        InstanceState.CLAIMED: 1,
    }


def test_the_time_to_the_next_claim(site: Site) -> None:
    def pause_s() -> float | None:
        with site.reading() as session:
            return seconds_until_next_claim(session, site.now)

    assert pause_s() is None
    _receive(site, 1)
    assert pause_s() == 0
    (claim,) = site.claim()
    assert pause_s() == LEASE.total_seconds()
    site.defer(claim, seconds=30)
    assert pause_s() == 30
    site.wait(45)
    assert pause_s() == 0
    site.screen_all(NEGATIVE)
    assert pause_s() is None


def test_every_claim_is_in_the_event_log(site: Site) -> None:
    _receive(site, 1)
    site.claim()
    with site.reading() as session:
        kinds = session.scalars(select(EventRow.kind).order_by(EventRow.event_id)).all()
    assert kinds == [EventKind.REGISTERED, EventKind.CLAIMED]


@pytest.mark.parametrize("claimers", [2, 8])
def test_concurrent_claimers_share_without_overlap_or_remainder(site: Site, claimers: int) -> None:
    rows = 120
    _receive(site, rows)

    def claim_all(number: int) -> list[int]:
        claimed: list[int] = []
        while True:
            with site.writing() as session:
                batch = claim_batch(session, limit=1 + number % 5, lease=LEASE, now=site.now)
            if not batch:
                return claimed
            claimed += [claim.instance_id for claim in batch]

    with ThreadPoolExecutor(claimers) as pool:
        shares = list(pool.map(claim_all, range(claimers)))
    claimed = [instance_id for share in shares for instance_id in share]
    assert len(claimed) == len(set(claimed)) == rows


def test_two_workers_with_expiring_leases_record_each_instance_once(site: Site) -> None:
    """Every batch is claimed twice, the second time after its lease; one of the two counts."""
    _receive(site, 24)
    first = site.claim()
    site.wait(LEASE.total_seconds())
    second = site.claim()
    with ThreadPoolExecutor(4) as pool:
        recorded = sum(
            pool.map(lambda claim: site.screen(claim, NEGATIVE), [*first, *second, *second])
        )
    assert recorded == 24
    assert all(entry.instances_screened == 1 for entry in site.worklist())
