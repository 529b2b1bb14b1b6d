"""Reprocessing: sends what the current release has not screened back to the workers, by night.

The workers do the same walk, in the backfill lane: nothing here screens. This module must not
know how a screening is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.backlog import count_due
from db.engine import read_session, write_session
from db.job_progress import latest_due, lock_running_job
from db.jobs import begin_job, finish_job
from db.reprocessing import count_to_reprocess, mark_for_reprocessing
from pipeline.codes import InstanceState, JobStatus, Lane
from worker.clock import Clock
from worker.hints import Hints


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instances are to be screened again: those that lack this release's screening.

    Attributes
    ----------
    since
        Registered then or later.
    site
        (0008,0080) Institution Name, or (0008,1010) Station Name.
    """

    release: str
    since: datetime | None = None
    states: frozenset[InstanceState] = frozenset({InstanceState.SCREENED})
    site: str | None = None

    def count(self, session: Session) -> int:
        """Count what is selected."""
        return count_to_reprocess(
            session, self.release, since=self.since, states=self.states, site=self.site
        )

    def mark(self, session: Session, now: datetime, limit: int) -> int:
        """Send at most so many back to the workers, and select them no longer."""
        return mark_for_reprocessing(
            session,
            self.release,
            now=now,
            since=self.since,
            states=self.states,
            site=self.site,
            limit=limit,
        )


JOB: Final = "reprocess"
_ROWS_A_TRANSACTION: Final = 500
_log = structlog.get_logger()


def requeue(
    engine: Engine,
    selection: Selection,
    clock: Clock,
    hints: Hints,
    on_requeued: Callable[[int], None] = lambda _count: None,
) -> int:
    """Send everything selected back to the workers now; give the number.

    Raises
    ------
    DatabaseError
        If the database cannot be written. What was sent back until then stays so.
    """
    total = 0
    while True:
        with write_session(engine) as session:
            count = selection.mark(session, clock.now(), _ROWS_A_TRANSACTION)
        if not count:
            return total
        hints.send(Lane.BACKFILL, count)
        on_requeued(count)
        total += count


class Nightly:
    """One run a night, in small steps, whoever takes them: it may stop and go on anywhere.

    Parameters
    ----------
    release
        What everything is to have been screened by.
    at
        When a night's run is due, UTC.
    backlog
        So many rows may wait in the backfill lane at once: the run goes as fast as the workers.
    """

    def __init__(
        self, engine: Engine, hints: Hints, clock: Clock, *, release: str, at: time, backlog: int
    ) -> None:
        self._engine = engine
        self._hints = hints
        self._clock = clock
        self._selection = Selection(release)
        self._at = at
        self._backlog = backlog

    def tick(self) -> None:
        """Begin the night's run if it is due, and take one that is under way a step further.

        A run is due once a night, and never for a night before one that was begun: clocks that
        are set back, or several schedulers, make no second run.

        Raises
        ------
        DatabaseError
            If the database cannot be used.
        """
        now = self._clock.now()
        due = latest_night(now, self._at)
        with write_session(self._engine) as session:
            latest = latest_due(session, JOB)
            if (latest is None or latest < due) and begin_job(session, JOB, due, now) is not None:
                _log.info("reprocessing_begun", due=due, outdated=self._count())
        self._advance()

    def _count(self) -> int:
        with read_session(self._engine) as session:
            return self._selection.count(session)

    def _advance(self) -> None:
        now = self._clock.now()
        with write_session(self._engine) as session:
            run = lock_running_job(session, JOB)
            if run is None:
                return
            waiting = count_due(session, now, at_most=self._backlog)[Lane.BACKFILL]
            room = min(self._backlog - waiting, _ROWS_A_TRANSACTION)
            requeued = self._selection.mark(session, now, room) if room > 0 else 0
            left = self._selection.count(session)
            done = int((run.detail or "0").partition(" ")[0]) + requeued
            run.detail = f"{done} of {done + left} sent to the workers"
            if not left:
                finish_job(session, run.job_run_id, JobStatus.SUCCEEDED, now, run.detail)
        if requeued:
            self._hints.send(Lane.BACKFILL, requeued)
            _log.info("reprocessing", sent=done, left=left)


def latest_night(now: datetime, at: time) -> str:
    """Give the date of the latest night whose run was due by ``now``."""
    due = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return (due if due <= now else due - timedelta(days=1)).date().isoformat()
