"""Live studies (lane URGENT) go before the backfill (lane BACKFILL)."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.connection.engine import read_session
from db.tables.audit import EventRow
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind, InstanceState, Lane
from tests.service.stack import Stack
from tests.waiting import wait_until
from tests.worker.fakes import FakeClock, RecordingHints
from tests.worker.images import write_png
from tests.worker.walk import Walk
from worker.readers.pool import ReaderPool
from worker.screening.reprocess import Selection, requeue


@pytest.fixture
def walk(engine: Engine, readers: ReaderPool, clock: FakeClock, tmp_path: Path) -> Walk:
    """Sixteen images that were screened, and are to be screened again."""
    walk = Walk(engine, readers, clock, tmp_path)
    for number in range(16):
        write_png(walk.inbox / f"old-{number}.png", 0.2, seed=number)
    walk.register()
    walk.work_off()
    requeue(walk.engine, Selection("another release"), walk.clock, RecordingHints())
    return walk


def states(walk: Walk, lane: Lane) -> list[InstanceState]:
    with read_session(walk.engine) as session:
        rows = session.scalars(select(InstanceRow).where(InstanceRow.lane == lane))
        return [row.state for row in rows]


def test_a_live_study_overtakes_the_batch_that_was_read_ahead(walk: Walk) -> None:
    screener = walk.screener()
    assert screener.step() == 4  # and four more are being read
    write_png(walk.inbox / "live.png", 0.9, seed=99)
    walk.register()
    assert screener.step() == 1
    assert states(walk, Lane.URGENT) == [InstanceState.SCREENED]
    assert states(walk, Lane.BACKFILL).count(InstanceState.SCREENED) == 4
    screener.hand_back()


def test_what_was_overtaken_is_not_claimed_or_read_a_second_time(walk: Walk) -> None:
    screener = walk.screener()
    screener.step()
    write_png(walk.inbox / "live.png", 0.9, seed=99)
    walk.register()
    assert [screener.step() for _ in range(5)] == [1, 4, 4, 4, 0]
    with read_session(walk.engine) as session:
        events = list(session.scalars(select(EventRow.kind)))
    # Once before and once after the reprocessing, and the live one.
    assert events.count(EventKind.CLAIMED) == 16 + 16 + 1
    assert EventKind.HANDED_BACK not in events


def test_a_burst_of_live_studies_is_read_ahead_although_a_backfill_batch_waits(
    walk: Walk,
) -> None:
    screener = walk.screener()
    screener.step()
    for number in range(8):
        write_png(walk.inbox / f"live-{number}.png", 0.9, seed=100 + number)
    walk.register()
    assert screener.step() == 4
    assert states(walk, Lane.URGENT).count(InstanceState.CLAIMED) == 4
    assert screener.step() == 4
    assert states(walk, Lane.URGENT).count(InstanceState.SCREENED) == 8
    screener.hand_back()


@pytest.mark.postgres
def test_a_live_study_waits_for_no_batch_but_the_one_that_is_being_classified(
    stack: Stack,
) -> None:
    """Counts, in the log of events, the backfill batches that were recorded meanwhile."""
    stack.start_watcher()
    stack.drop(160)
    wait_until(lambda: stack.states() == {"REGISTERED": 160}, 90, "all registered")
    stack.query("UPDATE instance SET lane = 'BACKFILL' RETURNING 1")
    stack.start_beat()
    # So small batches that the backfill lasts half a minute at least.
    stack.start_worker(delay_s=0.5, batch_size=4)
    wait_until(lambda: stack.terminal() >= 4, 120, "the first backfill batch")
    waits = []
    for number in range(3):
        stack.drop(1, start=1000 + number)
        wait_until(lambda: stack.count(_LIVE) > number, 120, "a live study")  # noqa: B023
        seen = stack.query("SELECT clock_timestamp() AS at")[0].at
        wait_until(lambda: stack.count(_LIVE_SCREENED) > number, 120, "its result")  # noqa: B023
        waits += stack.query(_BATCHES_MEANWHILE, {"seen": seen})
    assert stack.terminal() < 163, "the backfill was over too early to tell"
    assert max(row.batches for row in waits) <= 1


_LIVE = "SELECT count(*) FROM instance WHERE lane = 'URGENT'"
_LIVE_SCREENED = f"{_LIVE} AND state = 'SCREENED'"
# A batch is recorded in one transaction, at one time. The wait of a live study counts from when the
# test could read its row: a worker can claim it only after the commit, which on a busy machine is
# later than the time of its REGISTERED event.
_BATCHES_MEANWHILE = """
WITH batch AS (
    SELECT DISTINCT occurred_at AS at FROM event JOIN instance USING (instance_id)
    WHERE kind = 'SCREENED' AND lane = 'BACKFILL'
), live AS (
    SELECT max(occurred_at) AS screened FROM event JOIN instance USING (instance_id)
    WHERE kind = 'SCREENED' AND lane = 'URGENT'
)
SELECT count(*) AS batches FROM batch, live WHERE at > :seen AND at < screened
"""
