"""Fault 8: wall clocks that are moved by a day, both ways."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

import worker.database
from db.connection.engine import write_session
from db.instances.registration import register_arrivals
from db.work.claims import claim_batch, sweep_expired_leases
from pipeline.codes import Lane
from pipeline.release import load_release
from tests.db.site import make_arrival
from tests.faults.judge import Judgement, Ledger
from tests.service.stack import Stack
from tests.worker.fakes import RecordingHints
from worker.clock import Clock, SystemClock
from worker.database import anchor_clock
from worker.screening.reprocess import Nightly

pytestmark = pytest.mark.postgres
DAY = timedelta(days=1)
ROWS = 40
AT = (datetime.now(UTC) + DAY / 2).time()  # no night begins during the test


class MovedClock(SystemClock):
    """A machine whose wall clock somebody has set."""

    def __init__(self, moved: timedelta) -> None:
        self._moved = moved

    def now(self) -> datetime:
        return super().now() + self._moved


@pytest.mark.parametrize("moved", [DAY, -DAY], ids=["forward", "back"])
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "without"])
def test_a_moved_clock_ends_no_lease_early_and_repeats_no_night(
    stack: Stack,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    moved: timedelta,
    protected: bool,
) -> None:
    lease = timedelta(seconds=60)
    steady = anchor_clock(stack.engine)
    with write_session(stack.engine) as session:
        arrivals = [make_arrival(str(number), study=str(number)) for number in range(ROWS)]
        register_arrivals(session, arrivals, steady.now(), Lane.URGENT)
        assert len(claim_batch(session, limit=ROWS, lease=lease, now=steady.now())) == ROWS
    night(stack, steady)

    class MovedDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + moved

    monkeypatch.setattr(worker.database, "datetime", MovedDatetime)
    clock: Clock = anchor_clock(stack.engine) if protected else MovedClock(moved)
    with write_session(stack.engine) as session:
        stolen = sweep_expired_leases(session, clock.now())
    night(stack, clock)
    nights = stack.count("SELECT count(*) FROM job_run WHERE job = 'reprocess'")
    found = Judgement(ROWS, 0, stolen, 0, nights - 1)
    ledger.note(
        8,
        found,
        note=f"{'a day forward' if moved > timedelta(0) else 'a day back'}: {stolen} of {ROWS} "
        f"leases ended early, {nights} nightly run",
        without="" if protected else "the clock that is anchored to the database's",
    )
    # Set back, a clock harms no one even so: a later night has been begun.
    assert found.is_clean == (protected or moved < timedelta(0))


def night(stack: Stack, clock: Clock) -> None:
    Nightly(
        stack.engine,
        RecordingHints(),
        clock,
        release=load_release(Path(stack.release)).name,
        at=AT,
        backlog=10,
    ).tick()
